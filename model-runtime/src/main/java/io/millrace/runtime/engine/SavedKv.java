package io.millrace.runtime.engine;

import java.lang.foreign.MemorySegment;

/**
 * KV blocks of a sequence that were saved outside the arena, for instance in a checkpoint. Read once, by the engine thread,
 * when the sequence is scheduled; immutable until then.
 */
public interface SavedKv {
    /** Positions {@code 0 .. positions() - 1} are held. */
    int positions();

    /** Copies block {@code index} (positions {@code 16 * index} on) to {@code target}, a block of the arena. */
    void copyBlock(int index, MemorySegment target);
}
