package io.millrace.operator.shard;

import io.millrace.runtime.shard.DrawnTokens;
import io.millrace.runtime.shard.MicroBatch;

/** What the session operator says to the stages, and the last stage to the session operator. */
public sealed interface ShardMessage {
    /** A session key of the subtask that the message belongs to; any one when it tells of several sessions. */
    String key();

    /** Compute these rows and pass them on. */
    record Compute(String key, MicroBatch batch) implements ShardMessage {}

    /**
     * Write a session's blocks to state, where positions below {@code from} are.
     *
     * @param to write positions below this one
     * @param blocks ids of the blocks from that of position {@code from} on
     */
    record Save(String key, int from, int to, int[] blocks) implements ShardMessage {}

    /** The session has left the arena. */
    record Leave(String key) implements ShardMessage {}

    /** Forget what state has of the session. */
    record Forget(String key) implements ShardMessage {}

    /** What was drawn behind the last layer. */
    record Drawn(String key, DrawnTokens tokens) implements ShardMessage {}
}
