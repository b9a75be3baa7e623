package io.millrace.operator.session;

import io.millrace.operator.metrics.SessionMetrics;
import io.millrace.runtime.engine.FinishReason;
import io.millrace.runtime.engine.GenerationStep;
import io.millrace.runtime.engine.TurnTiming;
import io.millrace.runtime.prompt.Answer;
import io.millrace.schemas.CompletionError;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.Timings;
import io.millrace.schemas.Usage;
import io.millrace.schemas.state.QueuedPrompt;
import org.jspecify.annotations.Nullable;

/** Tells the world what a turn says: collects the text of its steps, emits deltas and the completion, counts. */
final class TurnReporter {
    /** Code of a turn that failed in the engine, in its completion's error and in its dead letter. */
    static final String GENERATION_FAILED = "generation_failed";

    private final SharedEngine engine;
    private final SessionHost host;
    private final SessionMetrics metrics;
    private final Answers answers;
    private final boolean streamByDefault;

    TurnReporter(SharedEngine engine, SessionHost host, SessionMetrics metrics, boolean streamByDefault) {
        this.engine = engine;
        this.host = host;
        this.metrics = metrics;
        this.streamByDefault = streamByDefault;
        this.answers = new Answers(engine.tokenizer(), engine.modelName(), engine.fingerprint());
    }

    /** Takes a step in; its token is in the session already. The last step's text goes out with {@link #finish}. */
    void step(LiveSession session, Turn turn, GenerationStep step) {
        TurnTiming timing = step.timing();
        turn.text.append(step.text());
        turn.lastStepMillis = turn.submittedMillis + millis(timing.elapsedNanos());
        if (step.token() >= 0) {
            token(session, turn, step);
        }
        if (step.finish() == null && turn.parameters.stream()) {
            sayMore(session, turn);
        }
        metrics.preempted(timing.preemptions() - turn.preemptions);
        turn.preemptions = timing.preemptions();
    }

    private void token(LiveSession session, Turn turn, GenerationStep step) {
        metrics.generatedToken();
        TurnTiming timing = step.timing();
        if (turn.computedBefore > 0) {
            int again = Math.max(0, turn.computedBefore - timing.foundPositions());
            turn.computedBefore = 0;
            turn.recomputedTokens += again;
            metrics.recomputed(again);
        }
        if (turn.firstTokenMillis == null) {
            double accepted = session.queue.getFirst().getAcceptedMs();
            double first = turn.submittedMillis + millis(timing.firstTokenNanos());
            turn.firstTokenMillis = first;
            turn.queueMillis = turn.submittedMillis + millis(timing.queuedNanos()) - accepted;
            // After a restore state holds positions that this very turn computed: they are not the history's.
            turn.cachedTokens = turn.restored
                    ? Math.min(timing.cachedTokens(), session.committedPositions)
                    : timing.cachedTokens();
            metrics.firstToken(first - accepted, timing);
        }
        if (turn.parameters.topLogprobs() >= 0) {
            turn.logprobs.add(answers.logprob(step));
        }
        turn.pythonTagged |= step.token() == engine.tokenizer().specials().pythonTag();
    }

    private void sayMore(LiveSession session, Turn turn) {
        int open = turn.pythonTagged
                ? turn.streamedChars
                : StreamGate.open(turn.text, turn.streamedChars, offersTools(session, turn));
        if (open > turn.streamedChars) {
            String more = turn.text.substring(turn.streamedChars, open);
            host.emit(answers.delta(session.queue.getFirst().getPrompt(), turn.deltaSeq++, more));
            turn.streamedChars = open;
        }
    }

    private static boolean offersTools(LiveSession session, Turn turn) {
        return turn.parameters.callsTools() && !session.tools.isEmpty();
    }

    /** Emits the end of a turn that ran. */
    void finish(LiveSession session, Turn turn, QueuedPrompt queued, @Nullable Integer number, FinishReason reason,
            @Nullable String message) {
        int generated = session.generated(turn);
        PromptEvent prompt = queued.getPrompt();
        Answer answer = reason == FinishReason.STOP
                ? engine.parser().parse(session.tokens.toArray(turn.promptTokens), turn.text.toString(),
                        offersTools(session, turn))
                : new Answer.Content(turn.text.toString());
        String finishReason = finishReason(reason, answer);
        CompletionError error = error(reason, message);
        Usage usage = Answers.usage(turn.promptTokens, turn.cachedTokens == null ? 0 : turn.cachedTokens, generated,
                turn.recomputedTokens);
        if (turn.parameters.stream()) {
            String content = Answers.content(answer);
            String unsaid = content == null || content.length() < turn.streamedChars
                    ? ""
                    : content.substring(turn.streamedChars);
            host.emit(answers.lastDelta(prompt, turn.deltaSeq++, unsaid, answer, finishReason, usage));
        }
        host.emit(answers.completion(prompt, number, host.currentMillis(), answer, finishReason,
                turn.parameters.topLogprobs() < 0 ? null : turn.logprobs, usage, timings(turn, queued, generated),
                error));
        count(turn, queued, generated, reason);
    }

    private void count(Turn turn, QueuedPrompt queued, int generated, FinishReason reason) {
        if (reason == FinishReason.ERROR) {
            metrics.failed();
            return;
        }
        Double perToken = perToken(turn, generated);
        metrics.completed((double) (host.currentMillis() - queued.getAcceptedMs()), perToken == null ? 0 : perToken);
    }

    private static String finishReason(FinishReason reason, Answer answer) {
        return switch (reason) {
            case STOP -> answer instanceof Answer.ToolCalls ? "tool_calls" : "stop";
            case LENGTH -> "length";
            case CANCELLED, DEADLINE -> "cancelled";
            case ERROR -> "error";
        };
    }

    private static @Nullable CompletionError error(FinishReason reason, @Nullable String message) {
        return switch (reason) {
            case STOP, LENGTH, CANCELLED -> null;
            case DEADLINE -> new CompletionError("server_error", "deadline_exceeded",
                    "deadline_ms: the deadline passed before the answer was complete");
            case ERROR -> new CompletionError("server_error", GENERATION_FAILED,
                    message == null ? "the turn failed" : message);
        };
    }

    private static Timings timings(Turn turn, QueuedPrompt queued, int generated) {
        Double first = turn.firstTokenMillis;
        return new Timings(turn.queueMillis, first == null ? null : first - queued.getAcceptedMs(),
                perToken(turn, generated), turn.restarts);
    }

    /** Mean time per token after the first, in milliseconds; null when there is none. */
    private static @Nullable Double perToken(Turn turn, int generated) {
        Double first = turn.firstTokenMillis;
        return first == null || generated < 2 ? null : Math.max(0, turn.lastStepMillis - first) / (generated - 1);
    }

    /** Emits the answer of a request that never ran, because of an error. */
    void refused(PromptEvent prompt, @Nullable Integer turn, RejectedPromptException cause) {
        metrics.failed();
        unanswered(prompt, turn, "error", new CompletionError("invalid_request_error", cause.code(), cause.reason()));
    }

    /** Emits the answer of a request whose deadline passed before it ran. */
    void expired(PromptEvent prompt) {
        metrics.failed();
        unanswered(prompt, null, "cancelled", error(FinishReason.DEADLINE, null));
    }

    /** Emits the answer of a request that was cancelled before it ran. */
    void cancelled(PromptEvent prompt) {
        unanswered(prompt, null, "cancelled", null);
    }

    private void unanswered(PromptEvent prompt, @Nullable Integer turn, String finishReason,
            @Nullable CompletionError error) {
        if (prompt.getStream() == null ? streamByDefault : prompt.getStream()) {
            host.emit(answers.lastDelta(prompt, 0, "", new Answer.Content(""), finishReason, null));
        }
        host.emit(answers.unanswered(prompt, turn, host.currentMillis(), finishReason, error));
    }

    private static double millis(long nanos) {
        return nanos / 1e6;
    }
}
