package io.millrace.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.millrace.runtime.engine.Recorder.Outcome;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.sampling.SamplingParameters;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Drafts that are verified change how many steps a turn takes, and nothing else. */
class EngineSpeculationTest {
    private static TinyLlama llama;

    /** What a listener hears of a turn, but for times. */
    private record Heard(Outcome outcome, List<String> texts, List<Integer> computedPositions) {
        static Heard of(List<GenerationStep> steps) {
            return new Heard(Outcome.of(steps), steps.stream().map(GenerationStep::text).toList(),
                    steps.stream().map(GenerationStep::computedPositions).toList());
        }
    }

    @BeforeAll
    static void write() throws IOException {
        llama = new TinyLlama();
    }

    @AfterAll
    static void delete() throws IOException {
        llama.close();
    }

    static IntStream seeds() {
        return IntStream.range(0, 60);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void turnsAreTheSameStepByStep(int seed) throws InterruptedException {
        Random random = new Random(seed);
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            requests.add(request(random));
        }
        KvType[] types = KvType.values();
        EngineOptions plain = llama.options(200).withKvType(types[seed % types.length]).withPrefixCaching(false);
        List<Heard> expected = run(plain, requests);
        EngineOptions options = llama.options(16 + random.nextInt(60)).withKvType(plain.kvType())
                .withPrefixCaching(random.nextBoolean())
                .withMaxNumSeqs(1 + random.nextInt(6)).withMaxNumBatchedTokens(1 + random.nextInt(60));
        assertThat(run(options, requests)).isEqualTo(expected);
        assertThat(run(options.withSpeculation(1 + random.nextInt(8), 1 + random.nextInt(3)), requests))
                .isEqualTo(expected);
    }

    /** A few tokens are much more likely than others, so that texts repeat themselves. */
    private static Request request(Random random) {
        int[] words = llama.prompt(random.nextInt(5), 1 + random.nextInt(4));
        Map<Integer, Float> bias = new HashMap<>();
        IntStream.of(words).forEach(word -> bias.put(word, 6 + random.nextFloat()));
        float temperature = random.nextBoolean() ? 0 : random.nextFloat() * 1.5f;
        boolean penalties = random.nextInt(3) == 0;
        SamplingParameters sampling = new SamplingParameters(temperature, random.nextInt(2) * 10,
                random.nextBoolean() ? 1 : 0.9f, random.nextBoolean() ? 0 : 0.02f, penalties ? 1.1f : 1,
                penalties ? 0.3f : 0, penalties ? 0.2f : 0, bias, random.nextLong());
        int[] prompt = random.ints(1 + random.nextInt(60), 0, words.length).map(i -> words[i]).toArray();
        Request request = Request.of(prompt).sampling(sampling).maxNewTokens(1 + random.nextInt(60))
                .topLogprobs(random.nextInt(4) - 1);
        return switch (random.nextInt(4)) {
            case 0 -> request.stop(llama.tokenizer.decode(new int[]{words[0], words[words.length - 1]}));
            case 1 -> request.stopTokens(words[random.nextInt(words.length)]);
            default -> request;
        };
    }

    @Test
    void aTextThatRepeatsItselfTakesFewerSteps() throws InterruptedException {
        Request request = repeating();
        EngineOptions plain = llama.options(100);
        try (Engine engine = llama.start(plain); Engine speculating = llama.start(plain.withSpeculation(4, 2))) {
            Recorder recorder = new Recorder();
            Sequence sequence = engine.open(recorder);
            engine.submit(sequence, request.build());
            Heard expected = Heard.of(recorder.turn());
            Recorder other = new Recorder();
            Sequence drafted = speculating.open(other);
            speculating.submit(drafted, request.build());
            assertThat(Heard.of(other.turn())).isEqualTo(expected);
            // The same positions are in the arena, with the same bits.
            HeapKv kv = HeapKv.read(sequence, engine.kvLayout());
            HeapKv draftedKv = HeapKv.read(drafted, engine.kvLayout());
            assertThat(draftedKv.positions()).isEqualTo(kv.positions());
            for (int i = 0; i < kv.positions() / 16; i++) {
                assertThat(draftedKv.blocks().get(i)).isEqualTo(kv.blocks().get(i));
            }
            awaitIdle(speculating);
            EngineStats stats = speculating.stats();
            assertThat(stats.acceptedTokens()).isPositive().isLessThanOrEqualTo(stats.draftedTokens());
            assertThat(stats.steps()).isEqualTo(100 - stats.acceptedTokens());
            assertThat(stats.computedTokens()).isEqualTo(engine.stats().computedTokens());
            assertThat(stats.steps()).isLessThan(50);
        }
    }

    @Test
    void draftsTakeOnlyRowsThatNothingElseNeeds() throws InterruptedException {
        // The one row of a step is the turn's own.
        EngineStats full = statsAfter(llama.options(100).withSpeculation(4, 1).withMaxNumBatchedTokens(1));
        assertThat(full.draftedTokens()).isZero();
        EngineStats two = statsAfter(llama.options(100).withSpeculation(4, 1).withMaxNumBatchedTokens(2));
        assertThat(two.acceptedTokens()).isPositive();
        assertThat(two.draftedTokens()).isLessThanOrEqualTo(two.steps());
    }

    @Test
    void withoutSpeculationNothingIsDrafted() throws InterruptedException {
        assertThat(statsAfter(llama.options(100)).draftedTokens()).isZero();
    }

    @Test
    void rowsOfLogitsAreThoseOfTheTurnsAndOfDraftsWhileFewTurnsRun() {
        EngineOptions options = EngineOptions.defaults();
        assertThat(options.logitRows()).isEqualTo(64);
        assertThat(options.withSpeculation(8, 3).logitRows()).isEqualTo(64);
        assertThat(options.withSpeculation(8, 3).withMaxNumSeqs(1).logitRows()).isEqualTo(9);
        assertThat(options.withSpeculation(8, 3).withMaxNumSeqs(100).logitRows()).isEqualTo(100);
        assertThat(options.withSpeculation(8, 3).withMaxNumBatchedTokens(5).logitRows()).isEqualTo(5);
        assertThatIllegalArgumentException().isThrownBy(() -> options.withSpeculation(-1, 3))
                .withMessage("numSpeculativeTokens: -1 is not 0 or more");
        assertThatIllegalArgumentException().isThrownBy(() -> options.withSpeculation(1, 0))
                .withMessage("promptLookupNgram: 0 is not 1 or more");
    }

    /** One word, again and again. */
    private static Request repeating() {
        int word = llama.prompt(3, 1)[0];
        return Request.of(word, word, word).maxNewTokens(100).sampling(
                new SamplingParameters(0, 0, 1, 0, 1, 0, 0, Map.of(word, 100f), 1));
    }

    private static EngineStats statsAfter(EngineOptions options) throws InterruptedException {
        try (Engine engine = llama.start(options)) {
            Recorder recorder = new Recorder();
            engine.submit(engine.open(recorder), repeating().build());
            recorder.turn();
            awaitIdle(engine);
            return engine.stats();
        }
    }

    private static void awaitIdle(Engine engine) throws InterruptedException {
        while (engine.stats().running() > 0) {
            Thread.sleep(1);
        }
    }

    private static List<Heard> run(EngineOptions options, List<Request> requests) throws InterruptedException {
        try (Engine engine = llama.start(options)) {
            List<Recorder> recorders = new ArrayList<>();
            for (Request request : requests) {
                Recorder recorder = new Recorder();
                recorders.add(recorder);
                Sequence sequence = engine.open(recorder);
                recorder.onEviction(() -> engine.release(sequence));
                engine.submit(sequence, request.build());
            }
            List<Heard> heard = new ArrayList<>();
            for (Recorder recorder : recorders) {
                heard.add(Heard.of(recorder.turn()));
            }
            return heard;
        }
    }
}
