package io.millrace.runtime.shard;

/** The shards behind an engine's own layers. */
public interface Downstream {
    /** Micro-batches under way at the same time, the one that the engine computes included; 1 or more. */
    int depth();

    /**
     * Takes a micro-batch to the next shard; they arrive in the order in which they were sent. Called on the engine thread:
     * must not block.
     */
    void send(MicroBatch batch);
}
