package io.millrace.operator.session;

import java.util.TreeSet;

/**
 * When a subtask accepts no further prompt. While a savepoint is on its way to it there is no limit: its barrier is behind
 * prompts that left the source before, which go to state instead of through the model first. So each savepoint of an overloaded
 * job adds at most what the network buffers in front of the subtask held, which buffer debloating keeps to about a second's
 * input; none is accepted after it until the number is below the limit again. Task thread only.
 */
final class AcceptanceLimit {
    private final int maxAccepted;
    private final TreeSet<Long> savepoints = new TreeSet<>();
    private long lastSnapshot = -1;

    AcceptanceLimit(int maxAccepted) {
        this.maxAccepted = maxAccepted;
    }

    /** Whether so many prompts, accepted and not answered, are enough. */
    boolean reached(int accepted) {
        return accepted >= maxAccepted && savepoints.isEmpty();
    }

    /** The barrier of this savepoint is on its way; a late word of one that is over does nothing. */
    void expect(long savepoint) {
        if (savepoint > lastSnapshot) {
            savepoints.add(savepoint);
        }
    }

    /** Whether the barrier of this savepoint is on its way. */
    boolean expects(long savepoint) {
        return savepoints.contains(savepoint);
    }

    /** The barrier came, and no earlier one comes any more. */
    void snapshot(long checkpoint) {
        lastSnapshot = checkpoint;
        savepoints.headSet(checkpoint, true).clear();
    }

    /** The barrier will not come. */
    void aborted(long checkpoint) {
        savepoints.remove(checkpoint);
    }
}
