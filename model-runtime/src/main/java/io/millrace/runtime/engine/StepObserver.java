package io.millrace.runtime.engine;

/**
 * Hears what computes layers spend their time on. Called by the one thread that computes, between two batches: it must be
 * quick and must not throw.
 */
public interface StepObserver {
    /**
     * A batch was computed, and drawn from where it draws.
     *
     * @param rows positions of the batch, drafted ones included
     * @param sequences that they belong to
     * @param nanos that it took
     */
    void computed(int rows, int sequences, long nanos);

    /** There was nothing to compute for so long. */
    void waited(long nanos);

    /**
     * A step has come back from the other shards.
     *
     * @param roundTripNanos since it was sent
     * @param shardNanos that the shards computed meanwhile; the rest is network and queues
     */
    default void landed(long roundTripNanos, long shardNanos) {}
}
