package io.millrace.runtime.kv;

import java.util.Arrays;
import java.util.Objects;

/**
 * The blocks of one sequence, in the order of its positions: position {@code p} is in block {@code get(p / 16)}. Changed by
 * the engine thread only; the workers of a forward pass read it.
 */
public final class BlockTable {
    private int[] blocks = new int[8];
    private int size;

    /** Adds the block of the next {@link KvLayout#BLOCK_POSITIONS} positions. */
    public void append(int blockId) {
        if (size == blocks.length) {
            blocks = Arrays.copyOf(blocks, 2 * size);
        }
        blocks[size++] = blockId;
    }

    /** Blocks in the table. */
    public int size() {
        return size;
    }

    /** Positions that the blocks have room for. */
    public int positions() {
        return size * KvLayout.BLOCK_POSITIONS;
    }

    /** Id of the {@code index}-th block, as the pool gave it. */
    public int get(int index) {
        return blocks[Objects.checkIndex(index, size)];
    }

    /** The ids of all blocks, a copy. */
    public int[] toArray() {
        return Arrays.copyOf(blocks, size);
    }

    /** Puts a block that holds the same in the place of the {@code index}-th one; neither retains nor releases. */
    public void replace(int index, int blockId) {
        blocks[Objects.checkIndex(index, size)] = blockId;
    }

    /** Forgets the last block and returns its id. It does not release it. */
    public int removeLast() {
        Objects.checkIndex(size - 1, size);
        return blocks[--size];
    }

    /** Forgets all blocks. It does not release them: that is the owner's task. */
    public void clear() {
        size = 0;
    }
}
