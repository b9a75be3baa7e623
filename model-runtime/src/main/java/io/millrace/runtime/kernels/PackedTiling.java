package io.millrace.runtime.kernels;

import io.millrace.runtime.packing.PackedLayout;

/**
 * How a product with a tile of a packed matrix is cut, and where its parts lie in scratch. Cutting does not change a result:
 * the sum of a row takes its columns in order, whatever is computed together.
 */
final class PackedTiling {
    /** Blocks that are dequantized together: with what meets them they fit the first-level cache. */
    static final int PANEL_BLOCKS = 2;
    /** Blocks whose scales are read together when there is one row of activations. */
    static final int CHUNK_BLOCKS = 8;
    /** Rows of activations whose sums are carried together. */
    static final int ROWS = 64;
    /** Scales of a block: of halves of it, or one times powers of {@code 2^-8}. */
    static final int BLOCK_SCALES = 4;

    private static final int TILE = PackedLayout.TILE_ROWS;

    /** Weights, {@code [column][64]}. */
    static final int WEIGHTS = 0;
    /** {@code [block][of the block][64]}. */
    static final int SCALES = WEIGHTS + PANEL_BLOCKS * PackedLayout.BLOCK * TILE;
    /** Negative minima, {@code [block][64]}. */
    static final int MINIMA = SCALES + CHUNK_BLOCKS * BLOCK_SCALES * TILE;
    /** Wide scales that blocks share, {@code [2][64]}. */
    static final int HEADER = MINIMA + CHUNK_BLOCKS * TILE;
    /** {@code [row][64]}. */
    static final int SUMS = HEADER + 2 * TILE;
    static final int SCRATCH = SUMS + ROWS * TILE;

    private PackedTiling() {}
}
