package io.millrace.operator.session;

import io.millrace.schemas.state.QueuedPrompt;

/**
 * The deadlines of prompts that wait in their session's queue: a timer each, in keyed state with the queue. The engine minds
 * those of the turns that it was given. Task thread only; the session's key is the current one.
 */
final class Deadlines {
    private final SessionHost host;

    Deadlines(SessionHost host) {
        this.host = host;
    }

    /** When the prompt is given up, in milliseconds since 1970-01-01 UTC; {@link Long#MAX_VALUE} for never. */
    static long of(QueuedPrompt queued) {
        Long given = queued.getPrompt().getDeadlineMs();
        return given == null ? Long.MAX_VALUE : at(queued.getAcceptedMs(), given);
    }

    /** The time {@code deadlineMillis} after acceptance; {@link Long#MAX_VALUE} when that is beyond all times. */
    static long at(long acceptedMillis, long deadlineMillis) {
        long sum = acceptedMillis + deadlineMillis;
        return sum < 0 ? Long.MAX_VALUE : sum;
    }

    boolean passed(QueuedPrompt queued) {
        return of(queued) <= host.currentMillis();
    }

    /** Sees to it that the session hears of the deadline. Doing so again changes nothing. */
    void watch(QueuedPrompt queued) {
        if (of(queued) != Long.MAX_VALUE) {
            host.setTimer(of(queued));
        }
    }

    /** The prompt has left the session's queue. */
    void forget(LiveSession session, QueuedPrompt queued) {
        long deadline = of(queued);
        // Timers of the same time are one timer.
        boolean shared = deadline == session.timerMillis
                || session.queue.stream().anyMatch(other -> of(other) == deadline);
        if (deadline != Long.MAX_VALUE && !shared) {
            host.deleteTimer(deadline);
        }
    }
}
