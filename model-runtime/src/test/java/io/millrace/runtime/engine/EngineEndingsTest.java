package io.millrace.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.millrace.runtime.engine.Recorder.Outcome;
import io.millrace.runtime.sampling.SamplingParameters;
import io.millrace.runtime.weights.GgufFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How turns end: always with exactly one final step. */
class EngineEndingsTest {
    private static TinyLlama llama;
    private Engine engine;
    private final Recorder recorder = new Recorder();
    private Sequence sequence;

    @BeforeAll
    static void write() throws IOException {
        llama = new TinyLlama();
    }

    @AfterAll
    static void delete() throws IOException {
        llama.close();
    }

    @BeforeEach
    void start() {
        engine = llama.start(llama.options(100));
        sequence = engine.open(recorder);
    }

    @AfterEach
    void close() {
        engine.close();
        assertThat(recorder.isQuiet()).as("no step after the final one").isTrue();
    }

    @Test
    void aStopTokenIsReportedAndEndsTheTurn() throws InterruptedException {
        Request request = Request.of(llama.prompt(1, 20));
        Outcome free = run(request);
        int stop = free.tokens().get(7);
        int first = free.tokens().indexOf(stop);
        Outcome stopped = run(request.stopTokens(5, stop));
        assertThat(stopped.finish()).isEqualTo(FinishReason.STOP);
        assertThat(stopped.tokens()).isEqualTo(free.tokens().subList(0, first + 1));
        assertThat(stopped.text()).isEqualTo(llama.tokenizer.decode(stopped.after()));
    }

    @Test
    void aStopStringEndsTheTextBeforeIt() throws InterruptedException {
        Request request = Request.of(llama.prompt(1, 20));
        Outcome free = run(request);
        String stop = free.text().substring(12, 16);
        Outcome stopped = run(request.stop("not in there", stop));
        assertThat(stopped.finish()).isEqualTo(FinishReason.STOP);
        assertThat(stopped.text()).isEqualTo(free.text().substring(0, free.text().indexOf(stop)));
        assertThat(llama.tokenizer.decode(stopped.after())).contains(stop);
    }

    @Test
    void textThatMightHaveBecomeAStopStringComesWithTheFinalStep() throws InterruptedException {
        Request request = Request.of(llama.prompt(1, 20)).maxNewTokens(6);
        Outcome free = run(request);
        Outcome held = run(request.stop(free.text() + "something else"));
        assertThat(held.finish()).isEqualTo(FinishReason.LENGTH);
        assertThat(held.text()).isEqualTo(free.text());
    }

    @Test
    void maxNewTokensEndsTheTurn() throws InterruptedException {
        Outcome outcome = run(Request.of(llama.prompt(1, 20)).maxNewTokens(7));
        assertThat(outcome.finish()).isEqualTo(FinishReason.LENGTH);
        assertThat(outcome.tokens()).hasSize(7);
        Outcome nothing = run(Request.of(llama.prompt(1, 20)).maxNewTokens(0));
        assertThat(nothing.finish()).isEqualTo(FinishReason.LENGTH);
        assertThat(nothing.tokens()).isEmpty();
    }

    @Test
    void theModelsContextEndsTheTurn() throws InterruptedException {
        Outcome outcome = run(Request.of(llama.prompt(1, 500)).maxNewTokens(Integer.MAX_VALUE));
        assertThat(outcome.finish()).isEqualTo(FinishReason.LENGTH);
        assertThat(outcome.tokens()).hasSize(TinyLlama.CONTEXT - 500);
    }

    @Test
    void theKvBudgetEndsTheTurnWhenItIsLessThanTheContext() throws InterruptedException {
        try (Engine small = llama.start(llama.options(3))) {
            assertThat(small.contextLength()).isEqualTo(48);
            Recorder heard = new Recorder();
            small.submit(small.open(heard), Request.of(llama.prompt(1, 30)).maxNewTokens(100).build());
            Outcome outcome = heard.outcome();
            assertThat(outcome.finish()).isEqualTo(FinishReason.LENGTH);
            assertThat(outcome.tokens()).hasSize(18);
        }
    }

    @Test
    void cancelEndsARunningTurnAndKeepsItsBlocks() throws InterruptedException {
        recorder.onStep(step -> {
            if (step.computedPositions() == 22) {
                engine.cancel(sequence);
            }
        });
        Request request = Request.of(llama.prompt(1, 20)).maxNewTokens(400);
        Outcome cancelled = run(request);
        assertThat(cancelled.finish()).isEqualTo(FinishReason.CANCELLED);
        assertThat(cancelled.tokens()).hasSize(3);
        assertThat(sequence.readBlock(1, blockBuffer()).positions()).isEqualTo(6);

        recorder.onStep(step -> {});
        Outcome next = run(request.maxNewTokens(5));
        assertThat(next.tokens()).startsWith(cancelled.tokens().toArray(Integer[]::new));
        assertThat(recorder.last().timing().cachedTokens()).isEqualTo(19);
    }

    @Test
    void cancelEndsAWaitingTurn() throws InterruptedException {
        try (Engine narrow = llama.start(llama.options(100).withMaxNumSeqs(1))) {
            Recorder first = new Recorder();
            Sequence running = narrow.open(first);
            narrow.submit(running, Request.of(llama.prompt(1, 20)).maxNewTokens(Integer.MAX_VALUE).build());
            Recorder second = new Recorder();
            Sequence waiting = narrow.open(second);
            narrow.submit(waiting, Request.of(llama.prompt(2, 20)).build());
            narrow.cancel(waiting);
            assertThat(second.next().finish()).isEqualTo(FinishReason.CANCELLED);
            narrow.cancel(running);
            first.outcome();
        }
    }

    @Test
    void cancelOfAnIdleSequenceDoesNothing() throws InterruptedException {
        engine.cancel(sequence);
        assertThat(run(Request.of(llama.prompt(1, 20))).finish()).isEqualTo(FinishReason.LENGTH);
        engine.cancel(sequence);
        assertThat(run(Request.of(llama.prompt(1, 20))).finish()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void releaseEndsARunningTurnAndFreesItsBlocks() throws InterruptedException {
        recorder.onStep(step -> {
            if (step.computedPositions() == 22) {
                engine.release(sequence);
            }
        });
        Outcome released = run(Request.of(llama.prompt(1, 20)).maxNewTokens(400));
        assertThat(released.finish()).isEqualTo(FinishReason.CANCELLED);
        recorder.onStep(step -> {});
        run(Request.of(llama.prompt(1, 20)));
        // Of its own blocks 19 would be; the first one, which is full, is still in the prefix cache.
        assertThat(recorder.last().timing().cachedTokens()).isEqualTo(16);
    }

    @Test
    void aDeadlineThatHasPassedEndsTheTurnBeforeItComputes() throws InterruptedException {
        Outcome outcome = run(Request.of(llama.prompt(1, 20)).deadlineNanos(System.nanoTime() - 1));
        assertThat(outcome.finish()).isEqualTo(FinishReason.DEADLINE);
        assertThat(outcome.tokens()).isEmpty();
        assertThat(recorder.last().timing().computedTokens()).isZero();
        assertThat(recorder.last().timing().queuedNanos()).isEqualTo(recorder.last().timing().elapsedNanos());
    }

    @Test
    void aDeadlineEndsATurnThatWaitsForBlocks() throws InterruptedException {
        try (Engine small = llama.start(llama.options(4))) {
            Recorder keeper = new Recorder(); // ignores eviction requests
            small.submit(small.open(keeper), Request.of(llama.prompt(1, 40)).maxNewTokens(1).build());
            keeper.outcome();
            Recorder heard = new Recorder();
            small.submit(small.open(heard), Request.of(llama.prompt(2, 40))
                    .deadlineNanos(System.nanoTime() + 50_000_000).build());
            GenerationStep step = heard.next();
            assertThat(step.finish()).isEqualTo(FinishReason.DEADLINE);
            assertThat(keeper.evictionRequests).hasValue(1);
        }
    }

    @Test
    void timingsTellTheirOrder() throws InterruptedException {
        run(Request.of(llama.prompt(1, 20)));
        TurnTiming timing = recorder.last().timing();
        assertThat(timing.queuedNanos()).isPositive().isLessThan(timing.firstTokenNanos());
        assertThat(timing.firstTokenNanos()).isLessThan(timing.elapsedNanos());
    }

    @Test
    void aSequenceWithoutFiniteLogitsFailsAlone() throws InterruptedException, IOException {
        int poison = 700;
        Path file = TinyLlama.write();
        poisonEmbedding(file, poison);
        int[] prompt = llama.prompt(1, 20);
        int[] poisoned = prompt.clone();
        poisoned[10] = poison;
        SamplingParameters neverPoison = new SamplingParameters(0, 0, 1, 0, 1, 0, 0, Map.of(poison, -100f), 0);
        try (TinyLlama broken = new TinyLlama(file); Engine shared = broken.start(broken.options(100))) {
            Recorder sound = new Recorder();
            Recorder failing = new Recorder();
            shared.submit(shared.open(sound), Request.of(prompt).sampling(neverPoison).build());
            Sequence bad = shared.open(failing);
            shared.submit(bad, Request.of(poisoned).build());
            Outcome failed = failing.outcome();
            assertThat(failed.finish()).isEqualTo(FinishReason.ERROR);
            assertThat(failed.error()).contains("no finite logits for position 20");
            assertThat(failed.tokens()).isEmpty();
            assertThat(bad.readBlock(0, blockBuffer()).positions()).isZero();
            assertThat(sound.outcome()).isEqualTo(run(Request.of(prompt).sampling(neverPoison)));
        }
    }

    @Test
    void aListenerThatThrowsLosesItsTurnAlone() throws InterruptedException {
        Recorder throwing = new Recorder().onStep(step -> {
            throw new IllegalStateException("listener");
        });
        Sequence dropped = engine.open(throwing);
        engine.submit(dropped, Request.of(llama.prompt(2, 20)).build());
        assertThat(run(Request.of(llama.prompt(1, 20))).finish()).isEqualTo(FinishReason.LENGTH);
        throwing.next();
        assertThat(throwing.isQuiet()).isTrue();
        throwing.onStep(step -> {});
        engine.submit(dropped, Request.of(llama.prompt(2, 20)).build());
        assertThat(throwing.outcome().finish()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void requestsThatCanNeverBeServedAreRefusedWithTheNumbers() {
        Request request = Request.of(1, 2, 3).id("q");
        assertRefused(engine, Request.of(new int[512]).id("q"),
                "q: 512 prompt tokens leave no room in the model's context of 512");
        assertRefused(engine, Request.of(1, 100_000).id("q"),
                "q: token 100000 is not in the vocabulary of " + llama.weights.config().vocabSize());
        assertRefused(engine, Request.of(1, -1).id("q"),
                "q: token -1 is not in the vocabulary of " + llama.weights.config().vocabSize());
        assertRefused(engine, request.maxNewTokens(-1), "q: maxNewTokens -1 is negative");
        assertRefused(engine, request.topLogprobs(-2), "q: topLogprobs -2 is not between -1 and "
                + llama.weights.config().vocabSize());
        assertRefused(engine, request.stop(""), "stop: a stop string is empty; leave it out");
        assertRefused(engine,
                request.sampling(new SamplingParameters(0, 0, 1, 0, 1, 0, 0, Map.of(100_000, 1f), 0)),
                "q: logit_bias of token 100000: not in the vocabulary of " + llama.weights.config().vocabSize());
        try (Engine small = llama.start(llama.options(3))) {
            Sequence other = small.open(new Recorder());
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> small.submit(other, Request.of(llama.prompt(1, 48)).id("q").build()))
                    .withMessage("q: 48 prompt tokens leave no room in the KV budget of 48 positions; raise kvBytes");
            assertThatIllegalArgumentException().isThrownBy(() -> engine.submit(other, request.build()))
                    .withMessage("q: the sequence was opened by another engine");
        }
    }

    private void assertRefused(Engine refusing, Request request, String message) {
        assertThatIllegalArgumentException().isThrownBy(() -> refusing.submit(sequence, request.build()))
                .withMessage(message);
    }

    private Outcome run(Request request) throws InterruptedException {
        engine.submit(sequence, request.build());
        return recorder.outcome();
    }

    private MemorySegment blockBuffer() {
        return MemorySegment.ofArray(new byte[(int) engine.kvLayout().blockBytes()]);
    }

    private static void poisonEmbedding(Path file, int token) throws IOException {
        byte[] row;
        try (GgufFile gguf = GgufFile.open(file)) {
            MemorySegment embedding = gguf.tensor("token_embd.weight").orElseThrow().data();
            row = embedding.asSlice(token * 128L, 128).toArray(ValueLayout.JAVA_BYTE);
        }
        byte[] bytes = Files.readAllBytes(file);
        for (int at = 0; at + 128 <= bytes.length; at++) {
            if (Arrays.equals(bytes, at, at + 128, row, 0, 128)) {
                Arrays.fill(bytes, at, at + 128, (byte) 0xff); // NaN in every float
                Files.write(file, bytes);
                return;
            }
        }
        throw new AssertionError("the embedding is not in the file");
    }
}
