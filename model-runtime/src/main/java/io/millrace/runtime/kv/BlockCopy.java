package io.millrace.runtime.kv;

/**
 * What a copy of a sequence's block is of.
 *
 * @param id of the block in the arena; -1 when it is not there
 * @param positions that are computed, 0 to 16, from the first on
 */
public record BlockCopy(int id, int positions) {
    /** Of no block. */
    public static final BlockCopy NONE = new BlockCopy(-1, 0);
}
