package io.millrace.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.engine.Recorder.Outcome;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.sampling.SamplingParameters;
import io.millrace.runtime.weights.LayerSplit;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An engine whose layers are shared out says what one with all layers says, bit for bit. */
class EngineShardsTest {
    private static final LayerSplit THREE = LayerSplit.parse("0-1,2-3,4");
    private static TinyLlama llama;

    @BeforeAll
    static void write() throws IOException {
        Path file = Files.createTempFile("tiny-llama", ".gguf");
        SampleModel.write(file, SampleModel.Options.defaults().withGeometry(5, 32, 64, 4, 2, 8)
                .withType(TensorType.F32).withContextLength(TinyLlama.CONTEXT));
        llama = new TinyLlama(file);
    }

    @AfterAll
    static void delete() throws IOException {
        llama.close();
    }

    private static Pipeline pipeline(LayerSplit split, EngineOptions options, int blocks, int depth) {
        return new Pipeline(llama.file, split, options, blocks, depth);
    }

    /** Greedy ones, sampled ones with penalties, and ones that say the same word again and again. */
    private static List<Request> requests(int count) {
        return IntStream.range(0, count).mapToObj(i -> Request.of(llama.prompt(i, 3 + i * 5 % 70)).id("r" + i)
                .sampling(switch (i % 3) {
                    case 0 -> SamplingParameters.GREEDY;
                    case 1 -> Request.sampled(i);
                    default -> new SamplingParameters(1, 0, 1, 0, 1, 0, 0, Map.of(300 + i, 100f), i);
                }).maxNewTokens(12 + i % 7)).toList();
    }

    /** The engine waits at the first token until all are submitted: how many run together is not a matter of chance. */
    static List<Outcome> run(Engine engine, List<Request> requests) throws InterruptedException {
        CountDownLatch submitted = new CountDownLatch(1);
        List<Recorder> recorders = new ArrayList<>();
        for (Request request : requests) {
            Recorder recorder = new Recorder();
            if (recorders.isEmpty()) {
                recorder.onStep(_ -> await(submitted));
            }
            Sequence sequence = engine.open(request.id(), recorder);
            recorders.add(recorder.onEviction(() -> engine.release(sequence)));
            engine.submit(sequence, request.build());
        }
        submitted.countDown();
        List<Outcome> outcomes = new ArrayList<>();
        for (Recorder recorder : recorders) {
            outcomes.add(recorder.outcome());
        }
        return outcomes;
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<Outcome> whole(List<Request> requests) throws InterruptedException {
        try (Engine engine = llama.start(llama.options(400))) {
            return run(engine, requests);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {"0-1,2-4; 2; 256", "0-1,2-3,4; 3; 256", "0-1,2-3,4; 1; 256",
            "0-1,2-3,4; 3; 7", "0,1,2,3,4; 5; 16", "0,1-4; 8; 1"})
    void saysWhatTheWholeModelSays(String split, int depth, int maxNumBatchedTokens) throws Exception {
        List<Request> requests = requests(20);
        EngineOptions options = llama.options(400).withMaxNumBatchedTokens(maxNumBatchedTokens);
        try (Pipeline pipeline = pipeline(LayerSplit.parse(split), options, 400, depth)) {
            assertThat(run(pipeline.engine(), requests)).isEqualTo(whole(requests));
            assertThat(pipeline.largestInFlight()).isEqualTo(depth);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void shortOfBlocksItPreemptsAndSaysTheSame(int speculativeTokens) throws Exception {
        // Answers of several blocks each: those that were admitted together do not fit for long.
        List<Request> requests = requests(20).stream().map(request -> request.maxNewTokens(60)).toList();
        EngineOptions options = llama.options(400).withSpeculation(speculativeTokens, 1);
        try (Pipeline pipeline = pipeline(THREE, options, 14, 3)) {
            assertThat(run(pipeline.engine(), requests)).isEqualTo(whole(requests));
            assertThat(pipeline.engine().stats().preemptions()).isPositive();
            assertThat(pipeline.engine().stats().acceptedTokens() > 0).isEqualTo(speculativeTokens > 0);
        }
    }

    @Test
    void whatComesBackTwiceOrForAnEarlierStepChangesNothing() throws Exception {
        List<Request> requests = requests(20);
        try (Pipeline pipeline = pipeline(THREE, llama.options(400), 400, 3)) {
            pipeline.repeat();
            assertThat(run(pipeline.engine(), requests)).isEqualTo(whole(requests));
        }
    }

    @Test
    void promptsThatBeginAlikeShareTheirBlocksInEveryShard() throws Exception {
        List<Request> requests = IntStream.range(0, 12).mapToObj(i -> {
            int[] prompt = IntStream.concat(IntStream.of(llama.prompt(99, 64)), IntStream.of(llama.prompt(i, 5)))
                    .toArray();
            return Request.of(prompt).id("r" + i).sampling(Request.sampled(i));
        }).toList();
        try (Pipeline pipeline = pipeline(THREE, llama.options(400), 400, 3)) {
            assertThat(run(pipeline.engine(), requests)).isEqualTo(whole(requests));
            assertThat(pipeline.engine().stats().prefixCacheHits()).isEqualTo(11 * 64);
        }
    }

    /** A turn after another in the same sequence, and after a stay outside the arena. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void laterTurnsGoOnFromWhatEachShardHas(boolean q8) throws Exception {
        EngineOptions options = llama.options(400).withKvType(q8 ? KvType.Q8 : KvType.F16);
        Request first = Request.of(llama.prompt(1, 37)).sampling(Request.sampled(5));
        int[] more = llama.prompt(2, 9);
        try (Engine engine = llama.start(options.withKvBytes(1 << 24));
                Pipeline pipeline = pipeline(THREE, options, 40, 3)) {
            Recorder expected = new Recorder();
            Sequence sequence = engine.open(expected);
            engine.submit(sequence, first.build());
            Outcome turn = expected.outcome();
            Request second = Request.of(IntStream.concat(IntStream.of(turn.after(first.tokens())), IntStream.of(more))
                    .toArray());
            engine.submit(sequence, second.build());
            Outcome next = expected.outcome();

            Recorder recorder = new Recorder();
            Sequence sharded = pipeline.engine().open("s", recorder);
            pipeline.engine().submit(sharded, first.build());
            assertThat(recorder.outcome()).isEqualTo(turn);
            HeapKv kv = pipeline.save(sharded);
            pipeline.engine().submit(sharded, second.build());
            assertThat(recorder.outcome()).isEqualTo(next);

            pipeline.engine().release(sharded);
            pipeline.leave(sharded);
            Recorder again = new Recorder();
            pipeline.engine().submit(pipeline.engine().open("s", again), second.cacheSalt("own").cached(kv).build());
            assertThat(again.outcome()).isEqualTo(next);
            assertThat(again.last().timing().cachedTokens()).isEqualTo(kv.positions());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aShardThatLacksWhatWasSavedHasTheTurnComputedAgain(int stage) throws Exception {
        Request request = Request.of(llama.prompt(1, 120)).sampling(Request.sampled(5)).id("s");
        EngineOptions options = llama.options(400).withMaxNumBatchedTokens(32);
        List<Request> others = requests(6);
        List<Outcome> expected = whole(others);
        Outcome alone = whole(List.of(request)).getFirst();
        try (Pipeline pipeline = pipeline(THREE, options, 100, 3)) {
            Recorder before = new Recorder();
            Sequence sequence = pipeline.engine().open("s", before);
            pipeline.engine().submit(sequence, request.tokens(llama.prompt(1, 50)).build());
            before.turn();
            HeapKv kv = pipeline.save(sequence);
            pipeline.engine().release(sequence);
            pipeline.leave(sequence);
            pipeline.loseSaved(stage, "s");

            CountDownLatch told = new CountDownLatch(1);
            Recorder recorder = new Recorder() {
                @Override
                public void onSavedKvLost() {
                    told.countDown();
                }
            };
            pipeline.engine().submit(pipeline.engine().open("s", recorder),
                    request.cacheSalt("own").cached(kv).build());
            assertThat(run(pipeline.engine(), others)).isEqualTo(expected);
            assertThat(recorder.outcome()).isEqualTo(alone);
            assertThat(told.getCount()).isZero();
        }
    }

    @Test
    void aTurnThatIsCancelledWhileItIsUnderWayLeavesTheOthersAlone() throws Exception {
        List<Request> requests = requests(12);
        List<Outcome> expected = whole(requests);
        try (Pipeline pipeline = pipeline(THREE, llama.options(400), 60, 3)) {
            for (int round = 0; round < 20; round++) {
                for (int i = 0; i < 8; i++) {
                    Recorder recorder = new Recorder();
                    Sequence sequence = pipeline.engine().open("x" + i, recorder);
                    pipeline.engine().submit(sequence, Request.of(llama.prompt(round * 8 + i, 30)).build());
                    if (i % 2 == 0) {
                        recorder.next();
                    }
                    pipeline.engine().release(sequence);
                }
                assertThat(run(pipeline.engine(), requests)).isEqualTo(expected);
            }
        }
    }
}
