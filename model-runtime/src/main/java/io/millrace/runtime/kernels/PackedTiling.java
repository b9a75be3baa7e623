package io.millrace.runtime.kernels;

import io.millrace.runtime.packing.PackedLayout;

/**
 * How a product with a tile of a packed matrix is cut, and where its parts lie in scratch. Cutting does not change a result:
 * an accumulator takes the partial sums of its row in the order of columns, whatever is computed together.
 */
final class PackedTiling {
    /** Blocks whose quants are unpacked together: with what meets them they fit the first-level cache. */
    static final int PANEL_BLOCKS = 2;
    /** Blocks whose partial sums are taken together when there is one row of activations. */
    static final int CHUNK_BLOCKS = 8;
    /** Rows of activations whose accumulators are carried together. */
    static final int ROWS = 64;

    private static final int TILE = PackedLayout.TILE_ROWS;
    /** At most two partial sums per block. */
    private static final int SCALED = 2 * CHUNK_BLOCKS * TILE;

    /** Quants as floats, {@code [column][64]}. */
    static final int QUANTS = 0;
    /** {@code [partial][64]}, and the negative minima, alike. */
    static final int SCALES = QUANTS + PANEL_BLOCKS * PackedLayout.BLOCK * TILE;
    static final int MINIMA = SCALES + SCALED;
    /** Partial sums, {@code [partial][row][64]}. */
    static final int PARTIALS = MINIMA + SCALED;
    /** {@code [row][64]}. */
    static final int SUMS = PARTIALS + SCALED;
    static final int SCRATCH = SUMS + ROWS * TILE;

    private PackedTiling() {}
}
