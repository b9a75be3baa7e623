package io.millrace.runtime.engine;

import io.millrace.runtime.kv.SavedKv;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.runtime.engine.Recorder.Outcome;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a sequence keeps from turn to turn, and how it goes on from what was saved, with nothing from the prefix cache. */
class EngineTurnsTest {
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
        engine = llama.start(llama.options(100).withPrefixCaching(false));
        sequence = engine.open(recorder);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    @Test
    void theSecondTurnEqualsTheWholeHistoryAtOnceAndComputesOnlyWhatIsNew() throws InterruptedException {
        int[] first = llama.prompt(1, 50);
        Outcome turn1 = run(Request.of(first));
        GenerationStep end1 = recorder.last();
        // The last drawn token is known but was not computed.
        assertThat(end1.computedPositions()).isEqualTo(50 + 20 - 1);
        assertThat(end1.timing().cachedTokens()).isZero();
        assertThat(end1.timing().computedTokens()).isEqualTo(50);

        Request second = Request.of(concat(turn1.after(first), llama.prompt(2, 13))).sampling(Request.sampled(3));
        Outcome turn2 = run(second);
        assertThat(recorder.last().timing().cachedTokens()).isEqualTo(end1.computedPositions());
        assertThat(recorder.last().timing().computedTokens()).isEqualTo(1 + 13);
        assertThat(recorder.last().timing().preemptions()).isZero();
        assertThat(turn2).isEqualTo(fresh(second));
    }

    @Test
    void aReleasedSequenceContinuesFromSavedBlocksAndComputesOnlyWhatIsMissing() throws InterruptedException {
        int[] first = llama.prompt(1, 50);
        Outcome turn1 = run(Request.of(first));
        HeapKv saved = HeapKv.read(sequence, engine.kvLayout());
        assertThat(saved.positions()).isEqualTo(69);
        Request second = Request.of(concat(turn1.after(first), llama.prompt(2, 13)));
        Outcome reference = fresh(second);

        for (int positions : new int[]{69, 64, 63, 17, 16, 5, 0}) {
            engine.release(sequence);
            assertThat(run(second.cached(saved.first(positions)))).isEqualTo(reference);
            assertThat(recorder.last().timing().cachedTokens()).isEqualTo(positions);
            assertThat(recorder.last().timing().computedTokens()).isEqualTo(83 - positions);
        }
    }

    @Test
    void aReleasedSequenceWithoutSavedBlocksComputesEverything() throws InterruptedException {
        Request request = Request.of(llama.prompt(1, 50));
        Outcome outcome = run(request);
        engine.release(sequence);
        assertThat(run(request)).isEqualTo(outcome);
        assertThat(recorder.last().timing().cachedTokens()).isZero();
    }

    @Test
    void savedBlocksAreUsedWhereTheyGoFurtherThanResidentOnes() throws InterruptedException {
        int[] prompt = llama.prompt(1, 90);
        Outcome reference = run(Request.of(prompt));
        HeapKv saved = HeapKv.read(sequence, engine.kvLayout());
        engine.release(sequence);
        // Resident are 24 positions, so half a block; saved are 90 and more.
        run(Request.of(Arrays.copyOf(prompt, 24)).maxNewTokens(1));
        assertThat(run(Request.of(prompt).cached(saved.first(60)))).isEqualTo(reference);
        assertThat(recorder.last().timing().cachedTokens()).isEqualTo(60);
        // Now the resident ones go further.
        assertThat(run(Request.of(prompt).cached(saved.first(60)))).isEqualTo(reference);
        assertThat(recorder.last().timing().cachedTokens()).isEqualTo(89);
    }

    @Test
    void theLastKnownTokenIsComputedEvenWhenItIsCached() throws InterruptedException {
        Request request = Request.of(llama.prompt(1, 32)).maxNewTokens(3);
        Outcome outcome = run(request);
        HeapKv saved = HeapKv.read(sequence, engine.kvLayout());
        assertThat(run(request)).isEqualTo(outcome);
        assertThat(recorder.last().timing().cachedTokens()).isEqualTo(31);
        engine.release(sequence);
        assertThat(run(request.cached(saved))).isEqualTo(outcome);
        assertThat(recorder.last().timing().cachedTokens()).isEqualTo(31);
        assertThat(recorder.last().timing().computedTokens()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 15, 16, 17, 40, 49})
    void divergingTokensKeepTheCommonPrefixOnly(int common) throws InterruptedException {
        int[] first = llama.prompt(1, 50);
        run(Request.of(first));
        int[] other = concat(Arrays.copyOf(first, common), llama.prompt(7, 30));
        Outcome outcome = run(Request.of(other));
        assertThat(recorder.last().timing().cachedTokens()).isEqualTo(common);
        assertThat(outcome).isEqualTo(fresh(Request.of(other)));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5, 19})
    void aRestoredTurnEqualsTheUninterruptedOne(int generated) throws InterruptedException {
        Request request = Request.of(llama.prompt(5, 40)).sampling(Request.sampled(9)).stop("never said");
        List<GenerationStep> steps = steps(request);
        Outcome whole = Outcome.of(steps);
        HeapKv saved = HeapKv.read(sequence, engine.kvLayout());
        engine.release(sequence);

        int[] known = Arrays.copyOf(whole.after(request.tokens()), 40 + generated);
        Outcome rest = run(request.tokens(known).generated(generated).cached(saved.first(40)));
        assertThat(rest).isEqualTo(Outcome.of(steps.subList(generated, steps.size())));
        assertThat(recorder.last().timing().cachedTokens()).isEqualTo(40);
        assertThat(recorder.last().timing().computedTokens()).isZero();
    }

    @Test
    void aRestoredTurnFindsTheStopStringThatBeganBeforeTheRestore() throws InterruptedException {
        Request request = Request.of(llama.prompt(5, 40)).maxNewTokens(30);
        List<GenerationStep> steps = steps(request);
        // Letters that tokens 10 and 11 have together.
        String before = llama.tokenizer.decode(new int[]{steps.get(10).token()});
        String after = llama.tokenizer.decode(new int[]{steps.get(11).token()});
        String stop = before.substring(before.length() - 1) + after.substring(0, 1);
        Outcome uninterrupted = run(request.stop(stop));
        int count = uninterrupted.tokens().size();
        assertThat(uninterrupted.finish()).isEqualTo(FinishReason.STOP);
        assertThat(count).isBetween(2, 12);

        int[] known = Arrays.copyOf(uninterrupted.after(request.tokens()), 40 + count - 1);
        Outcome rest = run(request.stop(stop).tokens(known).generated(count - 1));
        assertThat(rest.tokens()).containsExactly(uninterrupted.tokens().getLast());
        assertThat(rest.finish()).isEqualTo(FinishReason.STOP);
        assertThat(uninterrupted.text()).endsWith(rest.text());
    }

    @Test
    void aTurnThatHadEndedBeforeTheRestoreEndsAgainWithoutAToken() throws InterruptedException {
        int[] prompt = llama.prompt(5, 40);
        Outcome whole = run(Request.of(prompt).maxNewTokens(6));
        Request restored = Request.of(whole.after(prompt)).generated(6);
        assertEndsAtOnce(restored.maxNewTokens(6), FinishReason.LENGTH);
        assertEndsAtOnce(restored.maxNewTokens(20).stopTokens(whole.tokens().getLast()), FinishReason.STOP);
        assertEndsAtOnce(restored.maxNewTokens(20).stop(whole.text().substring(1)), FinishReason.STOP);
    }

    private void assertEndsAtOnce(Request request, FinishReason reason) throws InterruptedException {
        Outcome outcome = run(request);
        assertThat(outcome.tokens()).isEmpty();
        assertThat(outcome.finish()).isEqualTo(reason);
    }

    @Test
    void savedBlocksThatCannotBeReadEndTheRequestAlone() throws InterruptedException {
        SavedKv broken = new SavedKv() {
            @Override
            public int positions() {
                return 20;
            }

            @Override
            public void copyBlock(int index, MemorySegment target) {
                throw new IllegalStateException("block " + index + " is damaged");
            }
        };
        Request request = Request.of(llama.prompt(5, 40));
        Outcome outcome = run(request.cached(broken));
        assertThat(outcome.finish()).isEqualTo(FinishReason.ERROR);
        assertThat(outcome.error()).isEqualTo("block 0 is damaged");
        assertThat(recorder.last().computedPositions()).isZero();
        assertThat(run(request)).isEqualTo(fresh(request));
    }

    @Test
    void readBlockGivesWhatIsComputedAndNothingElse() throws InterruptedException {
        MemorySegment target = MemorySegment.ofArray(new byte[(int) engine.kvLayout().blockBytes()]);
        assertThat(sequence.readBlock(0, target).positions()).isZero();
        run(Request.of(llama.prompt(1, 30)).maxNewTokens(8));
        assertThat(IntStream.range(0, 4).map(i -> sequence.readBlock(i, target).positions())).containsExactly(16, 16, 5,
                0);
        engine.close();
        assertThat(sequence.readBlock(0, target).positions()).isZero();
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> sequence.readBlock(-1, target));
    }

    private Outcome run(Request request) throws InterruptedException {
        return Outcome.of(steps(request));
    }

    private List<GenerationStep> steps(Request request) throws InterruptedException {
        engine.submit(sequence, request.build());
        return recorder.turn();
    }

    /** The same request in an engine that knows nothing. */
    private static Outcome fresh(Request request) throws InterruptedException {
        try (Engine engine = llama.start(llama.options(100))) {
            Recorder recorder = new Recorder();
            engine.submit(engine.open(recorder), request.build());
            return recorder.outcome();
        }
    }

    private static int[] concat(int[] a, int[] b) {
        return IntStream.concat(IntStream.of(a), IntStream.of(b)).toArray();
    }
}
