package io.millrace.runtime.kernels;

import io.millrace.runtime.packing.PackedLayout;

/**
 * How a product with a tile of a packed matrix is cut, and where its parts lie in scratch. Cutting does not change a result:
 * the sum of a row takes its columns in order, whatever is computed together.
 */
final class PackedTiling {
    private static final int TILE = PackedLayout.TILE_ROWS;

    /** Blocks that one row of activations meets in turn: as many as their scales fit the first-level cache beside the rest. */
    static final int STREAM_BLOCKS = 16;
    /** The most rows of weights that it meets together. */
    static final int STREAM_ROWS = TILE;
    /** Blocks that are converted to floats together: with what meets them they fit the first-level cache. */
    static final int FLOAT_BLOCKS = 2;
    /** Rows of activations whose sums are carried together. */
    static final int ROWS = 64;
    /** Rows of activations that meet a vector of weights together. */
    static final int GROUP_ROWS = Activations.GROUP_ROWS;
    /** Scales, and integer sums, of a block: at most one of each half. */
    static final int HALVES = 2;

    /** Quants as floats, {@code [column][64]}. */
    static final int WEIGHTS = 0;
    /** {@code [block][half][row]}, of the rows of weights that are computed. */
    static final int SCALES = WEIGHTS + FLOAT_BLOCKS * PackedLayout.BLOCK * TILE;
    /** What products have beside scale times integers, {@code [block][row]}. */
    static final int OFFSETS = SCALES + STREAM_BLOCKS * HALVES * STREAM_ROWS;
    /** Wide scales that blocks share, {@code [2][64]}. */
    static final int HEADER = OFFSETS + STREAM_BLOCKS * STREAM_ROWS;
    /** {@code [row of activations][64]}. */
    static final int SUMS = HEADER + 2 * TILE;
    /** Floats in all. */
    static final int SCRATCH = SUMS + ROWS * TILE;

    /** Unpacked quants, {@code [pair of columns][row][2]} of some rows of the tile and as many blocks as there is room for. */
    static final int UNPACKED = 0;
    /** Shorts of them: half of the first-level cache. */
    static final int PANEL = 1 << 13;
    /** Integer sums of a group of rows, {@code [row of the group][block][half][row][2]}, or of one, {@code [block][half][row][2]}. */
    static final int INTEGERS = UNPACKED + PANEL;
    /** Shorts in all. */
    static final int SHORT_SCRATCH = INTEGERS
            + HALVES * Math.max(STREAM_BLOCKS * 2 * STREAM_ROWS, PANEL / (PackedLayout.BLOCK / 2) * GROUP_ROWS);

    private PackedTiling() {}
}
