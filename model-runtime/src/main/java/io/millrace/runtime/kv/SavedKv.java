package io.millrace.runtime.kv;

import java.lang.foreign.MemorySegment;

/**
 * KV blocks of a sequence's first tokens that were saved outside the arena, for instance in a checkpoint. Read by the
 * engine thread when the turn is scheduled, and again when it is after a preemption; does not change before the turn has ended.
 * All running turns wait meanwhile, so have the blocks at hand. An exception ends the turn with an error.
 */
public interface SavedKv {
    /** Positions {@code 0 .. positions() - 1} are held. */
    int positions();

    /** Copies block {@code index} (positions {@code 16 * index} on) to {@code target}, a block of the arena. */
    void copyBlock(int index, MemorySegment target);
}
