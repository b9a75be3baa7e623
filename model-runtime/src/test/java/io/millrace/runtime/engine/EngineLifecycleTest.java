package io.millrace.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.millrace.runtime.engine.Recorder.Outcome;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Starting, counting, failing and closing. */
class EngineLifecycleTest {
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
    void optionsNameTheFieldThatIsWrong() {
        assertThatIllegalArgumentException().isThrownBy(() -> EngineOptions.defaults().withMaxNumSeqs(0))
                .withMessage("maxNumSeqs: 0 is not 1 or more");
        assertThatIllegalArgumentException().isThrownBy(() -> llama.start(llama.options(1).withKvBytes(1000)))
                .withMessageContaining("KV budget of 1000 bytes is less than one block");
    }

    @Test
    void statsCountWhatHappened() throws InterruptedException {
        try (Engine engine = llama.start(llama.options(100).withMaxNumBatchedTokens(16))) {
            assertThat(engine.stats()).isEqualTo(new EngineStats(0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0));
            Recorder recorder = new Recorder();
            Sequence sequence = engine.open(recorder);
            engine.submit(sequence, Request.of(llama.prompt(1, 40)).maxNewTokens(5).build());
            Outcome first = recorder.outcome();
            // 3 chunks, the last of which draws the first token; 4 of 5 tokens are computed.
            awaitStats(engine, new EngineStats(0, 0, 3, 100, 7, 44, 0, 0, 40, 0, 0, 0, 0));
            int[] next = first.after(llama.prompt(1, 40));
            engine.submit(sequence, Request.of(next).maxNewTokens(1).build());
            recorder.outcome();
            awaitStats(engine, new EngineStats(0, 0, 3, 100, 8, 45, 44, 0, 41, 0, 0, 0, 0));
            engine.release(sequence);
            awaitStats(engine, new EngineStats(0, 0, 0, 100, 8, 45, 44, 0, 41, 0, 0, 0, 0));
        }
    }

    @Test
    void anObserverHearsOfEveryBatchUntilItLeaves() throws InterruptedException {
        List<String> batches = Collections.synchronizedList(new ArrayList<>());
        AtomicLong waited = new AtomicLong();
        StepObserver observer = new StepObserver() {
            @Override
            public void computed(int rows, int sequences, long nanos) {
                batches.add(rows + " of " + sequences + (nanos > 0 ? "" : " in no time"));
            }

            @Override
            public void waited(long nanos) {
                waited.addAndGet(nanos);
            }
        };
        try (Engine engine = llama.start(llama.options(100).withMaxNumBatchedTokens(16))) {
            engine.observe(observer);
            Recorder recorder = new Recorder();
            Sequence sequence = engine.open(recorder);
            engine.submit(sequence, Request.of(llama.prompt(1, 40)).maxNewTokens(3).build());
            Outcome first = recorder.outcome();
            assertThat(batches).containsExactly("16 of 1", "16 of 1", "8 of 1", "1 of 1", "1 of 1");
            await(() -> {
                engine.cancel(sequence); // nothing to cancel, but a command ends a wait
                return waited.get() > 0;
            }, "an engine that waits");
            engine.stopObserving(observer);
            engine.submit(sequence, Request.of(first.after(llama.prompt(1, 40))).maxNewTokens(1).build());
            recorder.outcome();
            assertThat(batches).hasSize(5);
        }
    }

    @Test
    void oneTurnAtATimePerSequence() throws InterruptedException {
        try (Engine engine = llama.start(llama.options(100))) {
            Recorder recorder = new Recorder();
            Sequence sequence = engine.open(recorder);
            CompletableFuture<Throwable> thrown = new CompletableFuture<>();
            GenerationRequest request = Request.of(llama.prompt(1, 10)).id("q").maxNewTokens(3).build();
            recorder.onStep(step -> {
                if (step.computedPositions() == 10) {
                    try {
                        engine.submit(sequence, request);
                    } catch (IllegalStateException e) {
                        thrown.complete(e);
                    }
                }
            });
            engine.submit(sequence, request);
            recorder.outcome();
            assertThat(thrown.join()).hasMessage("q: a turn of this sequence runs already");
        }
    }

    @Test
    void aListenerMaySubmitTheNextTurnWhenItHearsOfTheEnd() throws InterruptedException {
        try (Engine engine = llama.start(llama.options(100))) {
            CompletableFuture<Sequence> sequence = new CompletableFuture<>();
            Recorder recorder = new Recorder();
            GenerationRequest request = Request.of(llama.prompt(1, 10)).maxNewTokens(3).build();
            recorder.onStep(step -> {
                if (step.finish() != null && step.timing().cachedTokens() == 0) {
                    engine.submit(sequence.join(), request);
                }
            });
            sequence.complete(engine.open(recorder));
            engine.submit(sequence.join(), request);
            assertThat(recorder.outcome()).isEqualTo(recorder.outcome());
            assertThat(recorder.last().timing().cachedTokens()).isEqualTo(9);
        }
    }

    @Test
    void anIdleEngineWaitsWithoutPolling() throws InterruptedException {
        try (Engine engine = llama.start(llama.options(100))) {
            Recorder recorder = new Recorder();
            engine.submit(engine.open(recorder), Request.of(llama.prompt(1, 10)).build());
            recorder.outcome();
            Thread thread = engineThread();
            await(() -> thread.getState() == Thread.State.WAITING, "the engine thread to wait");
            long steps = engine.stats().steps();
            assertThat(thread.getState()).isEqualTo(Thread.State.WAITING);
            assertThat(engine.stats().steps()).isEqualTo(steps);
        }
    }

    @Test
    void closeEndsTurnsAndThreadsAndMayBeRepeated() throws InterruptedException {
        Engine engine = llama.start(llama.options(100).withMaxNumSeqs(1));
        Thread thread = engineThread();
        Recorder running = new Recorder();
        Recorder waiting = new Recorder();
        Sequence sequence = engine.open(running);
        engine.submit(sequence, Request.of(llama.prompt(1, 10)).maxNewTokens(Integer.MAX_VALUE).build());
        running.next();
        engine.submit(engine.open(waiting), Request.of(llama.prompt(2, 10)).build());
        engine.close();
        assertThat(thread.isAlive()).isFalse();
        assertThat(running.outcome().finish()).isEqualTo(FinishReason.CANCELLED);
        assertThat(running.last().computedPositions()).isGreaterThanOrEqualTo(10);
        assertThat(waiting.outcome().finish()).isEqualTo(FinishReason.CANCELLED);
        engine.close();
        engine.cancel(sequence);
        engine.release(sequence);
        assertThatIllegalStateException()
                .isThrownBy(() -> engine.submit(sequence, Request.of(1).build()))
                .withMessage("the engine is closed");
        assertThat(running.failure).isNotDone();
    }

    @Test
    void aListenerMayCloseTheEngine() throws InterruptedException {
        Engine engine = llama.start(llama.options(100));
        Thread thread = engineThread();
        Recorder recorder = new Recorder().onStep(step -> engine.close());
        engine.submit(engine.open(recorder), Request.of(llama.prompt(1, 10)).build());
        assertThat(recorder.outcome().finish()).isEqualTo(FinishReason.CANCELLED);
        assertThat(thread.join(Duration.ofSeconds(Recorder.PATIENCE_SECONDS))).isTrue();
    }

    @Test
    void aFailureOfTheDecoderReachesEveryListenerAndLaterSubmits() throws Exception {
        List<Recorder> recorders = new ArrayList<>();
        List<Sequence> sequences = new ArrayList<>();
        TinyLlama broken = new TinyLlama();
        try (Engine engine = broken.start(broken.options(100))) {
            for (int i = 0; i < 3; i++) {
                recorders.add(new Recorder());
                sequences.add(engine.open(recorders.get(i)));
            }
            engine.submit(sequences.get(0), Request.of(llama.prompt(1, 20)).build());
            recorders.get(0).outcome();
            // The weights go away under the decoder.
            broken.close();
            engine.submit(sequences.get(1), Request.of(llama.prompt(1, 20)).build());
            for (Recorder recorder : recorders) {
                Throwable cause = recorder.failure.get(Recorder.PATIENCE_SECONDS, TimeUnit.SECONDS);
                assertThat(cause).isInstanceOf(IllegalStateException.class);
                assertThat(recorder.isQuiet()).isTrue();
            }
            assertThatIllegalStateException()
                    .isThrownBy(() -> engine.submit(sequences.get(2), Request.of(1).build()))
                    .withMessageStartingWith("the engine failed: ")
                    .withCause(recorders.get(0).failure.join());
            assertThat(HeapKv.read(sequences.get(0), engine.kvLayout()).positions()).isZero();
        }
    }

    private static Thread engineThread() {
        return Thread.getAllStackTraces().keySet().stream().filter(t -> t.getName().equals("millrace-engine"))
                .findAny().orElseThrow();
    }

    private static void awaitStats(Engine engine, EngineStats expected) throws InterruptedException {
        await(() -> engine.stats().equals(expected), expected + ", last seen " + engine.stats());
    }

    private static void await(BooleanSupplier condition, String what) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Recorder.PATIENCE_SECONDS);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("waited in vain for " + what);
            }
            Thread.sleep(1);
        }
    }
}
