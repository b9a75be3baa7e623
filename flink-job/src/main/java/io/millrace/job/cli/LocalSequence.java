package io.millrace.job.cli;

import io.millrace.runtime.engine.Engine;
import io.millrace.runtime.engine.GenerationListener;
import io.millrace.runtime.engine.GenerationRequest;
import io.millrace.runtime.engine.GenerationStep;
import io.millrace.runtime.engine.Sequence;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/** A sequence whose turns are waited for, step by step, by the thread that asked for them. */
final class LocalSequence implements AutoCloseable {
    private sealed interface Event {
        record Step(GenerationStep step) implements Event {}

        record Failure(Throwable cause) implements Event {}
    }

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

    /** Runs a turn, handing each step to {@code onStep}; returns the last one. */
    GenerationStep run(GenerationRequest request, Consumer<GenerationStep> onStep) throws InterruptedException {
        try {
            engine.submit(sequence, request);
        } catch (IllegalArgumentException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()), e);
        }
        while (true) {
            switch (events.take()) {
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

    @Override
    public void close() {
        engine.release(sequence);
    }
}
