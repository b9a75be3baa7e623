package io.millrace.runtime.engine;

import io.millrace.runtime.kv.SavedKv;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.engine.Recorder.Outcome;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sequences that begin alike share the blocks of their beginning. */
class EnginePrefixCacheTest {
    private static final int SYSTEM_TOKENS = 1000;
    /** What whole blocks hold of them. */
    private static final int SHARED = 992;
    private static final int CONVERSATIONS = 100;
    private static TinyLlama llama;
    private static int[] system = {};

    @BeforeAll
    static void write() throws IOException {
        llama = new TinyLlama(TinyLlama.write(2048));
        system = llama.prompt(99, SYSTEM_TOKENS);
    }

    @AfterAll
    static void delete() throws IOException {
        llama.close();
    }

    @Test
    void aSystemPromptOfManyConversationsIsComputedOnce() throws InterruptedException {
        List<Request> requests = conversations(CONVERSATIONS);
        List<Outcome> apart = run(llama.options(70 * CONVERSATIONS).withPrefixCaching(false), requests);
        try (Engine engine = llama.start(llama.options(70 * CONVERSATIONS))) {
            List<Recorder> recorders = submit(engine, requests);
            assertThat(outcomes(recorders)).isEqualTo(apart);
            long own = requests.stream().mapToLong(request -> request.tokens().length - SHARED).sum();
            long generated = requests.stream().mapToLong(request -> request.maxNewTokens() - 1).sum();
            EngineStats stats = awaitIdle(engine);
            assertThat(stats.computedTokens()).isEqualTo(SHARED + own + generated);
            assertThat(stats.prefixCacheHits()).isEqualTo((CONVERSATIONS - 1L) * SHARED);
            assertThat(stats.cachedTokens()).isEqualTo(stats.prefixCacheHits());
            assertThat(stats.prefixCacheQueries())
                    .isEqualTo(requests.stream().mapToLong(request -> request.tokens().length).sum());
            // Of the shared blocks there is one each.
            assertThat(stats.blocksUsed()).isLessThan(SHARED / 16 + 4 * CONVERSATIONS);
            List<TurnTiming> timings = recorders.stream().map(recorder -> recorder.last().timing()).toList();
            assertThat(timings.getFirst().cachedTokens()).isZero();
            assertThat(timings.subList(1, CONVERSATIONS)).allMatch(timing -> timing.cachedTokens() == SHARED);
            for (int i = 0; i < CONVERSATIONS; i++) {
                assertThat(timings.get(i).cachedTokens() + timings.get(i).computedTokens())
                        .isEqualTo(requests.get(i).tokens().length);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {68, 80, 150})
    void evictingCachedBlocksIsHarmless(int blocks) throws InterruptedException {
        List<Request> requests = conversations(12);
        for (int i = 0; i < 6; i++) {
            // Beginnings of their own, which take the memory of the shared one.
            requests.add(2 * i, Request.of(llama.prompt(i, 800)).maxNewTokens(40));
        }
        List<Outcome> apart = run(llama.options(2000).withPrefixCaching(false), requests);
        try (Engine engine = llama.start(llama.options(blocks))) {
            assertThat(outcomes(submit(engine, requests))).isEqualTo(apart);
            assertThat(engine.stats().prefixCacheHits()).isPositive();
            assertThat(engine.stats().prefixCacheHits()).isLessThan(11 * SHARED);
        }
    }

    @Test
    void preemptedTurnsFindWhatTheyHadComputed() throws InterruptedException {
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            int[] tokens = concat(Arrays.copyOf(system, 100), llama.prompt(i, 10 + 3 * i));
            requests.add(Request.of(tokens).maxNewTokens(80).sampling(Request.sampled(i)));
        }
        List<Outcome> apart = run(llama.options(500).withPrefixCaching(false), requests);
        try (Engine engine = llama.start(llama.options(22))) {
            List<Recorder> recorders = submit(engine, requests);
            assertThat(outcomes(recorders)).isEqualTo(apart);
            assertThat(engine.stats().preemptions()).isPositive();
            // What a turn computed and finds again counts as computed in this turn.
            assertThat(recorders.getFirst().last().timing().cachedTokens()).isZero();
            assertThat(recorders).allMatch(recorder -> recorder.last().timing().cachedTokens() <= 96);
        }
    }

    @Test
    void sequencesThatComputedTheSameApartEndUpWithTheSameBlocks() throws InterruptedException {
        int[] tokens = Arrays.copyOf(system, 80);
        HeapKv saved;
        Outcome outcome;
        try (Engine engine = llama.start(llama.options(100))) {
            Recorder recorder = new Recorder();
            Sequence sequence = engine.open(recorder);
            outcome = run(engine, sequence, recorder, Request.of(tokens));
            saved = HeapKv.read(sequence, engine.kvLayout()).first(70);
        }
        try (Engine engine = llama.start(llama.options(100))) {
            List<Recorder> recorders = submit(engine,
                    List.of(Request.of(tokens).cached(saved), Request.of(tokens).cached(saved)));
            assertThat(outcomes(recorders)).isEqualTo(List.of(outcome, outcome));
            // 99 positions each, of which whole blocks hold 96.
            assertThat(awaitIdle(engine).blocksUsed()).isEqualTo(6 + 2);
        }
    }

    @Test
    void savedBlocksAreCopiedOnlyWhereTheCacheHasNone() throws InterruptedException {
        try (Engine engine = llama.start(llama.options(200))) {
            Recorder first = new Recorder();
            Sequence sequence = engine.open(first);
            Outcome outcome = run(engine, sequence, first, Request.of(Arrays.copyOf(system, 90)));
            HeapKv saved = HeapKv.read(sequence, engine.kvLayout());
            engine.release(sequence);

            Recorder second = new Recorder();
            Sequence other = engine.open(second);
            AtomicInteger copied = new AtomicInteger();
            SavedKv counting = new SavedKv() {
                @Override
                public int positions() {
                    return saved.positions();
                }

                @Override
                public void copyBlock(int index, MemorySegment target) {
                    copied.incrementAndGet();
                    saved.copyBlock(index, target);
                }
            };
            int[] next = concat(outcome.after(Arrays.copyOf(system, 90)), llama.prompt(5, 7));
            Outcome continued = run(engine, other, second, Request.of(next).cached(counting));
            // Saved are 109 positions: six whole blocks, which are in the cache, and 13 positions of a seventh.
            assertThat(copied).hasValue(1);
            assertThat(second.last().timing().cachedTokens()).isEqualTo(109);
            assertThat(continued).isEqualTo(apart(Request.of(next)));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 16, 40, 63, 64, 70})
    void aSequenceThatTurnsOffLeavesSharedBlocksAsTheyAre(int common) throws InterruptedException {
        int[] tokens = Arrays.copyOf(system, 80);
        try (Engine engine = llama.start(llama.options(200))) {
            Recorder first = new Recorder();
            Recorder second = new Recorder();
            Sequence a = engine.open(first);
            Sequence b = engine.open(second);
            Outcome outcome = run(engine, a, first, Request.of(tokens));
            assertThat(run(engine, b, second, Request.of(tokens))).isEqualTo(outcome);
            assertThat(second.last().timing().cachedTokens()).isEqualTo(64);
            HeapKv before = HeapKv.read(a, engine.kvLayout());

            Request off = Request.of(concat(Arrays.copyOf(tokens, common), llama.prompt(7, 30)));
            assertThat(run(engine, b, second, off)).isEqualTo(apart(off));
            HeapKv after = HeapKv.read(a, engine.kvLayout());
            assertThat(after.positions()).isEqualTo(before.positions());
            for (int i = 0; i < before.positions() / 16; i++) {
                assertThat(after.blocks().get(i)).isEqualTo(before.blocks().get(i));
            }
            Request next = Request.of(concat(outcome.after(tokens), llama.prompt(8, 5)));
            assertThat(run(engine, a, first, next)).isEqualTo(apart(next));
            assertThat(first.last().timing().cachedTokens()).isEqualTo(99);
        }
    }

    @Test
    void aBlockOfASequenceThatWritesItAgainIsNotFoundMeanwhile() throws InterruptedException {
        int[] tokens = Arrays.copyOf(system, 64);
        try (Engine engine = llama.start(llama.options(200))) {
            Recorder first = new Recorder();
            Sequence a = engine.open(first);
            Outcome outcome = run(engine, a, first, Request.of(tokens));
            // Turns off in the middle of its third block, which nobody else has.
            Request off = Request.of(concat(Arrays.copyOf(tokens, 40), llama.prompt(7, 30)));
            assertThat(run(engine, a, first, off)).isEqualTo(apart(off));
            assertThat(first.last().timing().cachedTokens()).isEqualTo(40);
            Recorder second = new Recorder();
            assertThat(run(engine, engine.open(second), second, Request.of(tokens))).isEqualTo(outcome);
            assertThat(second.last().timing().cachedTokens()).isEqualTo(32);
        }
    }

    @Test
    void turnsOfDifferentSaltsShareNothing() throws InterruptedException {
        Request request = Request.of(Arrays.copyOf(system, 80));
        try (Engine engine = llama.start(llama.options(200))) {
            List<Integer> cached = new ArrayList<>();
            List<Outcome> outcomes = new ArrayList<>();
            for (String salt : new String[]{"", "a", "b", "a", ""}) {
                Recorder recorder = new Recorder();
                outcomes.add(run(engine, engine.open(recorder), recorder, request.cacheSalt(salt)));
                cached.add(recorder.last().timing().cachedTokens());
            }
            assertThat(cached).containsExactly(0, 0, 0, 64, 64);
            assertThat(outcomes).allMatch(outcomes.getFirst()::equals);
        }
    }

    @Test
    void aConversationThatChangesItsSaltKeepsItsBlocksToItself() throws InterruptedException {
        int[] tokens = Arrays.copyOf(system, 40);
        try (Engine engine = llama.start(llama.options(200))) {
            Recorder recorder = new Recorder();
            Sequence sequence = engine.open(recorder);
            Outcome first = run(engine, sequence, recorder, Request.of(tokens).cacheSalt("a"));
            Request next = Request.of(concat(first.after(tokens), llama.prompt(4, 60))).cacheSalt("b");
            Outcome outcome = run(engine, sequence, recorder, next);
            assertThat(recorder.last().timing().cachedTokens()).isEqualTo(59);
            for (String salt : new String[]{"a", "b"}) {
                Recorder other = new Recorder();
                assertThat(run(engine, engine.open(other), other, next.cacheSalt(salt))).isEqualTo(outcome);
                // Under its old salt what it had then, under the new one nothing.
                assertThat(other.last().timing().cachedTokens()).isEqualTo(salt.equals("a") ? 48 : 0);
            }
            // Now another sequence has it all under the new salt, and this one takes part in it.
            Request again = next.tokens(Arrays.copyOf(tokens, 1));
            run(engine, sequence, recorder, again);
            assertThat(run(engine, sequence, recorder, next)).isEqualTo(outcome);
            assertThat(recorder.last().timing().cachedTokens()).isEqualTo(112);
        }
    }

    @Test
    void whatMadeATurnFailIsNotFoundByOthers() throws InterruptedException {
        Request request = Request.of(Arrays.copyOf(system, 80));
        SavedKv damaged = new SavedKv() {
            @Override
            public int positions() {
                return 48;
            }

            @Override
            public void copyBlock(int index, MemorySegment target) {
                for (long at = 0; at < target.byteSize(); at += 4) {
                    target.set(ValueLayout.JAVA_FLOAT, at, Float.NaN);
                }
            }
        };
        try (Engine engine = llama.start(llama.options(200))) {
            Recorder recorder = new Recorder();
            Outcome failed = run(engine, engine.open(recorder), recorder, request.cached(damaged));
            assertThat(failed.finish()).isEqualTo(FinishReason.ERROR);
            assertThat(recorder.last().computedPositions()).isZero();
            Recorder other = new Recorder();
            assertThat(run(engine, engine.open(other), other, request)).isEqualTo(apart(request));
            assertThat(other.last().timing().cachedTokens()).isZero();
        }
    }

    /** The first has the plain system prompt, so that others go on from different places. */
    private static List<Request> conversations(int count) {
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Request request = Request.of(concat(system, llama.prompt(i, 1 + i * 7 % 20))).id("r" + i)
                    .maxNewTokens(2 + i % 7);
            requests.add(i % 2 == 0 ? request : request.sampling(Request.sampled(i)));
        }
        return requests;
    }

    private static Outcome apart(Request request) throws InterruptedException {
        return run(llama.options(200).withPrefixCaching(false), List.of(request)).getFirst();
    }

    private static List<Outcome> run(EngineOptions options, List<Request> requests) throws InterruptedException {
        try (Engine engine = llama.start(options)) {
            return outcomes(submit(engine, requests));
        }
    }

    private static Outcome run(Engine engine, Sequence sequence, Recorder recorder, Request request)
            throws InterruptedException {
        engine.submit(sequence, request.build());
        return recorder.outcome();
    }

    private static List<Recorder> submit(Engine engine, List<Request> requests) {
        List<Recorder> recorders = new ArrayList<>();
        for (Request request : requests) {
            Recorder recorder = new Recorder();
            recorders.add(recorder);
            Sequence sequence = engine.open(recorder);
            recorder.onEviction(() -> engine.release(sequence));
            engine.submit(sequence, request.build());
        }
        return recorders;
    }

    private static List<Outcome> outcomes(List<Recorder> recorders) throws InterruptedException {
        List<Outcome> outcomes = new ArrayList<>();
        for (Recorder recorder : recorders) {
            outcomes.add(recorder.outcome());
        }
        return outcomes;
    }

    /** The last turn is reported before its step is counted. */
    private static EngineStats awaitIdle(Engine engine) throws InterruptedException {
        while (engine.stats().running() > 0) {
            Thread.sleep(1);
        }
        return engine.stats();
    }

    private static int[] concat(int[] a, int[] b) {
        return IntStream.concat(IntStream.of(a), IntStream.of(b)).toArray();
    }
}
