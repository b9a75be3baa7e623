package io.millrace.runtime.kv;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * The arena of KV blocks: a fixed number of blocks of {@link KvLayout#blockBytes()} off the heap. Memory is taken from the
 * system in slabs when it is first needed and kept until {@link #close()}.
 *
 * <p>
 * Blocks are allocated and released by one thread, the engine's. Other threads may read a block that they know to be
 * allocated.
 */
public final class KvBlockPool implements AutoCloseable {
    private static final long SLAB_BYTES = 32L << 20;
    /** A cache line, so that no vector load crosses one. */
    private static final long ALIGNMENT = 64;

    private final KvLayout layout;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment[] blocks;
    private final boolean[] allocated;
    private final int[] released;
    private int releasedCount;
    /** Ids below are backed by a slab. */
    private int backed;
    /** Ids below have been handed out at least once. */
    private int fresh;

    /**
     * @param budgetBytes upper bound of the memory of all blocks
     * @throws IllegalArgumentException when not even one block fits
     */
    public KvBlockPool(KvLayout layout, long budgetBytes) {
        long capacity = budgetBytes / layout.blockBytes();
        if (capacity < 1) {
            throw new IllegalArgumentException("KV budget of " + budgetBytes + " bytes is less than one block of "
                    + KvLayout.BLOCK_POSITIONS + " positions, " + layout.blockBytes() + " bytes; give it more memory");
        }
        this.layout = layout;
        int count = (int) Math.min(capacity, Integer.MAX_VALUE / KvLayout.BLOCK_POSITIONS);
        blocks = new MemorySegment[count];
        allocated = new boolean[count];
        released = new int[count];
    }

    public KvLayout layout() {
        return layout;
    }

    /** Blocks that the budget allows. */
    public int capacity() {
        return blocks.length;
    }

    /** Blocks that can still be allocated. */
    public int free() {
        return blocks.length - fresh + releasedCount;
    }

    /**
     * Takes a block, all zeros.
     *
     * @return its id, or -1 when none is free
     */
    public int allocate() {
        int id;
        if (releasedCount > 0) {
            id = released[--releasedCount];
            blocks[id].fill((byte) 0);
        } else if (fresh < blocks.length) {
            if (fresh == backed) {
                addSlab();
            }
            id = fresh++;
        } else {
            return -1;
        }
        allocated[id] = true;
        return id;
    }

    /** Gives a block back. */
    public void release(int id) {
        if (!allocated[id]) {
            throw new IllegalStateException("KV block " + id + " is not allocated");
        }
        allocated[id] = false;
        released[releasedCount++] = id;
    }

    /** The memory of a block that was allocated at least once; valid until the pool is closed. */
    public MemorySegment block(int id) {
        return Objects.requireNonNull(blocks[id], "a KV block that was never allocated");
    }

    /** Frees all memory. Reading a block afterwards throws {@link IllegalStateException}. */
    @Override
    public void close() {
        arena.close();
    }

    private void addSlab() {
        long blockBytes = layout.blockBytes();
        int count = Math.clamp(SLAB_BYTES / blockBytes, 1, blocks.length - backed);
        MemorySegment slab = arena.allocate(count * blockBytes, ALIGNMENT); // zeroed
        for (int i = 0; i < count; i++) {
            blocks[backed++] = slab.asSlice(i * blockBytes, blockBytes);
        }
    }
}
