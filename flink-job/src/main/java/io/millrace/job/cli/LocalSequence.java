package io.millrace.job.cli;

import io.millrace.runtime.engine.Engine;
import io.millrace.runtime.engine.EngineStats;
import io.millrace.runtime.engine.GenerationListener;
import io.millrace.runtime.engine.GenerationRequest;
import io.millrace.runtime.engine.GenerationStep;
import io.millrace.runtime.engine.Sequence;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A sequence whose turns are waited for, step by step, by the thread that asked for them. */
final class LocalSequence implements AutoCloseable {
    private sealed interface Event {
        record Step(GenerationStep step) implements Event {}

        record Failure(Throwable cause) implements Event {}
    }

    private static final long PROGRESS_MILLIS = 200;

    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final Engine engine;
    private final Sequence sequence;

    LocalSequence(Engine engine) {
        this.engine = engine;
        this.sequence = engine.open(new GenerationListener() {
            @Override
            public void onStep(GenerationStep step) {
                events.add(new Event.Step(step));
            }

            @Override
            public void onEvictionRequest() {
                // The only sequence of its engine: there is nobody to make room for.
            }

            @Override
            public void onEngineFailure(Throwable cause) {
                events.add(new Event.Failure(cause));
            }
        });
    }

    /**
     * Runs a turn, handing each step to {@code onStep}; returns the last one. Until the first, a prompt that takes long has a
     * progress bar.
     */
    GenerationStep run(GenerationRequest request, Consumer<GenerationStep> onStep) throws InterruptedException {
        long before = positions();
        try {
            engine.submit(sequence, request);
        } catch (IllegalArgumentException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()), e);
        }
        for (Event event = firstEvent(request.tokens().length, before);; event = events.take()) {
            switch (event) {
                case Event.Failure(Throwable cause) -> throw new IllegalStateException("the engine failed", cause);
                case Event.Step(GenerationStep step) -> {
                    onStep.accept(step);
                    if (step.error() != null) {
                        throw new CommandFailure(step.error());
                    }
                    if (step.finish() != null) {
                        return step;
                    }
                }
            }
        }
    }

    private Event firstEvent(int tokens, long before) throws InterruptedException {
        try (Progress progress = Progress.start("prompt tokens", tokens)) {
            Event event = events.poll(PROGRESS_MILLIS, TimeUnit.MILLISECONDS);
            while (event == null) {
                progress.moveTo(positions() - before);
                event = events.poll(PROGRESS_MILLIS, TimeUnit.MILLISECONDS);
            }
            return event;
        }
    }

    /** Positions that the engine has computed, or found computed, for all turns so far. */
    private long positions() {
        EngineStats stats = engine.stats();
        return stats.computedTokens() + stats.cachedTokens();
    }

    @Override
    public void close() {
        engine.release(sequence);
    }
}
