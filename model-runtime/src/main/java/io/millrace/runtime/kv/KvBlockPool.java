package io.millrace.runtime.kv;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.function.IntConsumer;

/**
 * The arena of KV blocks: a fixed number of blocks of {@link KvLayout#blockBytes()} off the heap. Memory is taken from the
 * system in slabs when it is first needed and kept until {@link #close()}.
 *
 * <p>A block is free when nobody references it. What a {@linkplain #keep kept} block holds outlives its last reference: it
 * can be retained again until its memory is needed, which takes the block that was released first.
 *
 * <p>One thread, the engine's, calls the methods. Other threads may read a block that they know to be referenced.
 */
public final class KvBlockPool implements AutoCloseable {
    private static final long SLAB_BYTES = 32L << 20;
    /** A cache line, so that no vector load crosses one. */
    private static final long ALIGNMENT = 64;

    private final KvLayout layout;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment[] blocks;
    private final int[] references;
    private final boolean[] kept;
    /** Kept blocks that nobody references. */
    private final LruBlocks unused;
    /** The other blocks that nobody references any more, a stack. */
    private final int[] released;
    private int releasedCount;
    /** Ids below are backed by a slab. */
    private int backed;
    /** Ids below have been handed out at least once. */
    private int fresh;
    private IntConsumer reuseListener = id -> {};

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
        references = new int[count];
        kept = new boolean[count];
        unused = new LruBlocks(count);
        released = new int[count];
    }

    public KvLayout layout() {
        return layout;
    }

    /** Blocks that the budget allows. */
    public int capacity() {
        return blocks.length;
    }

    /** Blocks that can still be allocated, kept ones that nobody references included. */
    public int free() {
        return blocks.length - fresh + releasedCount + unused.size();
    }

    /**
     * Takes a block, all zeros, with one reference.
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
        } else if (unused.size() > 0) {
            id = unused.removeOldest();
            kept[id] = false;
            reuseListener.accept(id);
            blocks[id].fill((byte) 0);
        } else {
            return -1;
        }
        references[id] = 1;
        return id;
    }

    /**
     * Makes a block usable that another pool has handed out, of which this one is the mirror. References are the other pool's.
     *
     * @param fresh whether it was just allocated there, so that it is all zeros here too
     */
    public void mirror(int id, boolean fresh) {
        Objects.checkIndex(id, blocks.length);
        while (id >= backed) {
            addSlab();
        }
        if (fresh) {
            blocks[id].fill((byte) 0);
        }
    }

    /** Adds a reference to a block that has one or is kept. */
    public void retain(int id) {
        if (references[id] == 0) {
            requireHeld(kept[id], id);
            unused.remove(id);
        }
        references[id]++;
    }

    /** Gives a reference back. */
    public void release(int id) {
        requireHeld(references[id] > 0, id);
        if (--references[id] == 0) {
            if (kept[id]) {
                unused.add(id);
            } else {
                released[releasedCount++] = id;
            }
        }
    }

    /** How many references a block has. */
    public int references(int id) {
        return references[id];
    }

    /** A referenced block's content is worth keeping: it no longer changes, and somebody may find it. */
    void keep(int id) {
        requireHeld(references[id] > 0, id);
        kept[id] = true;
    }

    /** Undoes {@link #keep}. */
    void discard(int id) {
        kept[id] = false;
        if (references[id] == 0 && unused.contains(id)) {
            unused.remove(id);
            released[releasedCount++] = id;
        }
    }

    /** Who hears of each kept block whose content is about to go. */
    void onReuse(IntConsumer listener) {
        reuseListener = listener;
    }

    private static void requireHeld(boolean holds, int id) {
        if (!holds) {
            throw new IllegalStateException("KV block " + id + " is not allocated");
        }
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
