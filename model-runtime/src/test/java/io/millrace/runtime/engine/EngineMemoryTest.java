package io.millrace.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.engine.Recorder.Outcome;
import io.millrace.runtime.kv.KvLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Short of blocks: eviction requests, preemption, and readers that look on meanwhile. */
class EngineMemoryTest {
    private static TinyLlama llama;

    @BeforeAll
    static void write() throws IOException {
        llama = new TinyLlama();
    }

    @AfterAll
    static void delete() throws IOException {
        llama.close();
    }

    @Test
    void anIdleSequenceIsSavedAndReleasedForAnotherAndGoesOnFromWhatWasSaved() throws InterruptedException {
        try (Engine engine = llama.start(llama.options(6))) {
            Recorder first = new Recorder();
            Sequence a = engine.open(first);
            Request request = Request.of(llama.prompt(1, 50)).maxNewTokens(10);
            engine.submit(a, request.build());
            Outcome turn1 = first.outcome();
            List<HeapKv> saved = new ArrayList<>();
            first.onEviction(() -> {
                saved.add(HeapKv.read(a, engine.kvLayout()));
                engine.release(a);
            });

            Recorder second = new Recorder();
            Sequence b = engine.open(second);
            engine.submit(b, Request.of(llama.prompt(2, 70)).build());
            assertThat(second.outcome().finish()).isEqualTo(FinishReason.LENGTH);
            assertThat(second.last().timing().preemptions()).isZero();
            assertThat(first.evictionRequests).hasValue(1);
            assertThat(saved.getFirst().positions()).isEqualTo(59);

            second.onEviction(() -> engine.release(b));
            int[] history = turn1.after(request.tokens());
            int[] next = Arrays.copyOf(history, history.length + 1);
            engine.submit(a, Request.of(next).cached(saved.getFirst()).build());
            Outcome turn2 = first.outcome();
            assertThat(first.last().timing().cachedTokens()).isEqualTo(59);
            assertThat(turn2).isEqualTo(alone(Request.of(next)));
        }
    }

    @Test
    void aTurnThatWaitsForBlocksStartsWhenTheyAreReleased() throws InterruptedException {
        try (Engine engine = llama.start(llama.options(4))) {
            Recorder keeper = new Recorder(); // does not answer by itself
            Sequence idle = engine.open(keeper);
            engine.submit(idle, Request.of(llama.prompt(1, 40)).maxNewTokens(1).build());
            keeper.outcome();
            Recorder heard = new Recorder();
            Request request = Request.of(llama.prompt(2, 40)).maxNewTokens(5);
            engine.submit(engine.open(heard), request.build());
            Recorder small = new Recorder();
            engine.submit(engine.open(small), Request.of(llama.prompt(3, 4)).priority(-1).maxNewTokens(3).build());
            small.outcome();
            assertThat(heard.isQuiet()).isTrue();
            assertThat(engine.stats().waiting()).isOne();
            engine.release(idle);
            assertThat(heard.outcome()).isEqualTo(alone(request));
        }
    }

    @Test
    void aPreemptedTurnImportsItsSavedBlocksAgainAndCountsTruly() throws InterruptedException {
        int[] prompt = llama.prompt(1, 60);
        HeapKv saved;
        try (Engine engine = llama.start(llama.options(100))) {
            Recorder recorder = new Recorder();
            Sequence sequence = engine.open(recorder);
            engine.submit(sequence, Request.of(prompt).maxNewTokens(1).build());
            recorder.outcome();
            saved = HeapKv.read(sequence, engine.kvLayout());
        }
        Request request = Request.of(prompt).maxNewTokens(40).cached(saved.first(48));
        try (Engine engine = llama.start(llama.options(8).withPrefixCaching(false))) {
            Recorder other = new Recorder();
            Sequence older = engine.open(other);
            Recorder recorder = new Recorder();
            Sequence younger = engine.open(recorder);
            other.onEviction(() -> engine.release(older));
            other.onStep(step -> {
                if (step.computedPositions() == 60) { // while both still fit
                    engine.submit(younger, request.build());
                }
            });
            engine.submit(older, Request.of(llama.prompt(2, 60)).maxNewTokens(40).build());
            other.outcome();
            assertThat(recorder.outcome()).isEqualTo(alone(request.cached(null)));
            TurnTiming timing = recorder.last().timing();
            assertThat(timing.preemptions()).isPositive();
            assertThat(timing.cachedTokens()).isEqualTo(48);
            assertThat(timing.computedTokens()).isEqualTo(12 * (1 + timing.preemptions()));
        }
    }

    @Test
    void readersSeeOnlyRightBitsWhileBlocksComeAndGo() throws Exception {
        int conversations = 4;
        List<Request> requests = new ArrayList<>();
        List<HeapKv> expected = new ArrayList<>();
        for (int i = 0; i < conversations; i++) {
            requests.add(Request.of(llama.prompt(i, 30 + i)).maxNewTokens(60));
        }
        try (Engine engine = llama.start(llama.options(100))) {
            for (Request request : requests) {
                Recorder recorder = new Recorder();
                Sequence sequence = engine.open(recorder);
                engine.submit(sequence, request.build());
                recorder.outcome();
                expected.add(HeapKv.read(sequence, engine.kvLayout()));
            }
        }
        AtomicBoolean done = new AtomicBoolean();
        try (ExecutorService readers = Executors.newFixedThreadPool(2);
                Engine engine = llama.start(llama.options(14).withThreads(2))) {
            List<Sequence> sequences = new ArrayList<>();
            List<Recorder> recorders = new ArrayList<>();
            for (int i = 0; i < conversations; i++) {
                Recorder recorder = new Recorder();
                Sequence sequence = engine.open(recorder);
                recorder.onEviction(() -> engine.release(sequence));
                recorders.add(recorder);
                sequences.add(sequence);
            }
            Callable<Integer> reader = () -> {
                int positions = 0;
                byte[] block = new byte[(int) engine.kvLayout().blockBytes()];
                while (!done.get()) {
                    for (int i = 0; i < conversations; i++) {
                        for (int index = 0; index < expected.get(i).blocks().size(); index++) {
                            int read = sequences.get(i).readBlock(index, MemorySegment.ofArray(block)).positions();
                            assertSamePositions(engine.kvLayout(), block, expected.get(i).blocks().get(index), read);
                            positions += read;
                        }
                    }
                }
                return positions;
            };
            List<Future<Integer>> reads = List.of(readers.submit(reader), readers.submit(reader));
            try {
                for (int round = 0; round < 20; round++) {
                    for (int i = 0; i < conversations; i++) {
                        engine.submit(sequences.get(i), requests.get(i).build());
                    }
                    for (int i = 0; i < conversations; i++) {
                        recorders.get(i).outcome();
                    }
                    engine.release(sequences.get(round % conversations));
                }
            } finally {
                done.set(true);
            }
            for (Future<Integer> read : reads) {
                assertThat(read.get(Recorder.PATIENCE_SECONDS, TimeUnit.SECONDS)).isPositive();
            }
            assertThat(engine.stats().preemptions()).isPositive();
        }
    }

    /** Keys lie across positions, values along them. */
    private static void assertSamePositions(KvLayout layout, byte[] actual, byte[] expected, int positions) {
        int bytes = layout.type().bytes();
        for (int layer = 0; layer < layout.layers(); layer++) {
            for (int head = 0; head < layout.kvHeads(); head++) {
                int keys = (int) layout.keyOffset(layer, head);
                for (int i = 0; i < layout.headDim(); i++) {
                    assertSame(actual, expected, keys + i * KvLayout.BLOCK_POSITIONS * bytes, positions * bytes);
                }
                int values = (int) layout.valueOffset(layer, head);
                assertSame(actual, expected, values, positions * layout.headDim() * bytes);
                if (layout.type().scaled()) {
                    int scales = positions * Float.BYTES;
                    assertSame(actual, expected, (int) layout.keyScaleOffset(layer, head), scales);
                    assertSame(actual, expected, (int) layout.valueScaleOffset(layer, head), scales);
                }
            }
        }
    }

    private static void assertSame(byte[] actual, byte[] expected, int from, int bytes) {
        assertThat(Arrays.mismatch(actual, from, from + bytes, expected, from, from + bytes)).isEqualTo(-1);
    }

    private static Outcome alone(Request request) throws InterruptedException {
        try (Engine engine = llama.start(llama.options(100))) {
            Recorder recorder = new Recorder();
            engine.submit(engine.open(recorder), request.build());
            return recorder.outcome();
        }
    }
}
