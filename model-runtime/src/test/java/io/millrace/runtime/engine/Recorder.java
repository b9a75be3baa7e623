package io.millrace.runtime.engine;

import io.millrace.runtime.sampling.Alternative;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Records what a sequence reports; waits long enough that only a hang fails. */
class Recorder implements GenerationListener {
    static final long PATIENCE_SECONDS = 120;

    final AtomicInteger evictionRequests = new AtomicInteger();
    final CompletableFuture<Throwable> failure = new CompletableFuture<>();
    private final LinkedBlockingQueue<GenerationStep> steps = new LinkedBlockingQueue<>();
    private Consumer<GenerationStep> onStep = step -> {};
    private Runnable onEviction = () -> {};
    private @Nullable GenerationStep last;

    /** Also called on the engine thread. */
    Recorder onStep(Consumer<GenerationStep> action) {
        onStep = action;
        return this;
    }

    Recorder onEviction(Runnable action) {
        onEviction = action;
        return this;
    }

    @Override
    public void onStep(GenerationStep step) {
        steps.add(step);
        onStep.accept(step);
    }

    @Override
    public void onEvictionRequest() {
        evictionRequests.incrementAndGet();
        onEviction.run();
    }

    @Override
    public void onEngineFailure(Throwable cause) {
        failure.complete(cause);
    }

    GenerationStep next() throws InterruptedException {
        GenerationStep step = steps.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (step == null) {
            throw new AssertionError("no step within " + PATIENCE_SECONDS + " s");
        }
        return step;
    }

    /** Waits for the end of the turn and returns its steps. */
    List<GenerationStep> turn() throws InterruptedException {
        List<GenerationStep> turn = new ArrayList<>();
        do {
            turn.add(next());
        } while (turn.getLast().finish() == null);
        last = turn.getLast();
        return turn;
    }

    Outcome outcome() throws InterruptedException {
        return Outcome.of(turn());
    }

    /** The step that ended the last turn. */
    GenerationStep last() {
        return Objects.requireNonNull(last);
    }

    boolean isQuiet() {
        return steps.isEmpty();
    }

    /** A whole turn. Two are equal when tokens, text, end and every log-probability are, bit for bit. */
    record Outcome(List<Integer> tokens, String text, List<Float> logprobs, List<List<Alternative>> alternatives,
            @Nullable FinishReason finish, @Nullable String error) {

        static Outcome of(List<GenerationStep> steps) {
            List<GenerationStep> drawn = steps.stream().filter(step -> step.token() >= 0).toList();
            StringBuilder text = new StringBuilder();
            steps.forEach(step -> text.append(step.text()));
            return new Outcome(drawn.stream().map(GenerationStep::token).toList(), text.toString(),
                    drawn.stream().map(GenerationStep::logprob).toList(),
                    drawn.stream().map(GenerationStep::alternatives).toList(), steps.getLast().finish(),
                    steps.getLast().error());
        }

        /** These tokens after {@code tokens}. */
        int[] after(int... tokens) {
            return IntStream.concat(IntStream.of(tokens), this.tokens.stream().mapToInt(i -> i)).toArray();
        }
    }
}
