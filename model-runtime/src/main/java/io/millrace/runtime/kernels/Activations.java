package io.millrace.runtime.kernels;

import io.millrace.runtime.packing.PackedLayout;
import java.util.Collection;

/**
 * Rows of activations, the right side of matrix products: in f32, and beside it, where a matrix wants that, rounded to 8 bits by
 * {@link Kernels#round}. Rows are independent; different threads may write and round different ones.
 */
public final class Activations {
    /** Columns that share a scale when they are rounded. */
    static final int BLOCK = PackedLayout.BLOCK;
    /** Columns of which products are added in 16 bits where quants have more than four. */
    static final int HALF_BLOCK = BLOCK / 2;
    /** Rows whose factors lie side by side: a product reads them in turn with a single index. */
    static final int GROUP_ROWS = 4;
    /** Rows as far apart as a power of two would share few sets of the first-level cache. */
    private static final int SKEW = Kernels.LANES;
    private static final int[] NO_INTS = {};
    private static final float[] NO_FLOATS = {};

    private final float[] values;
    private final int stride;
    private final boolean nibbles;
    private final boolean bytes;
    private final int factorGroupStride;
    private final int blockStride;
    private final int[] nibbleFactors;
    private final int[] byteFactors;
    private final int[] nibbleStarts;
    private final int[] byteStarts;
    private final float[] scales;
    private final float[] scaledSums;

    /**
     * Zeros.
     *
     * @param rows most rows
     * @param width values of a row; a multiple of 32 when one of {@code readers} has integer products
     * @param readers layouts of the packed matrices that meet the rows: for those with integer products there is room for
     *        rounded values
     */
    public Activations(int rows, int width, Collection<PackedLayout> readers) {
        nibbles = readers.stream().anyMatch(layout -> layout.integers() && layout.nibbles());
        bytes = readers.stream().anyMatch(layout -> layout.integers() && !layout.nibbles());
        if (rounds() && width % BLOCK != 0) {
            throw new IllegalArgumentException("rows of " + width + " values cannot be rounded in blocks of " + BLOCK);
        }
        stride = Kernels.padded(width) + SKEW;
        values = new float[rows * stride];
        factorGroupStride = GROUP_ROWS * (width / 2) + SKEW;
        int groups = (rows + GROUP_ROWS - 1) / GROUP_ROWS;
        blockStride = width / BLOCK;
        nibbleFactors = nibbles ? new int[groups * factorGroupStride] : NO_INTS;
        byteFactors = bytes ? new int[groups * factorGroupStride] : NO_INTS;
        nibbleStarts = nibbles ? new int[rows * blockStride] : NO_INTS;
        byteStarts = bytes ? new int[2 * rows * blockStride] : NO_INTS;
        scales = rounds() ? new float[rows * blockStride] : NO_FLOATS;
        scaledSums = rounds() ? new float[rows * blockStride] : NO_FLOATS;
    }

    /** {@code [row][stride()]}; what lies behind a row's width stays zero. */
    public float[] values() {
        return values;
    }

    /** Distance of two rows. */
    public int stride() {
        return stride;
    }

    /** Whether there is room for rounded values. */
    public boolean rounds() {
        return nibbles || bytes;
    }

    /** Whether there is room for what nibbles are multiplied by. */
    boolean nibbles() {
        return nibbles;
    }

    /** Whether there is room for what bytes are multiplied by. */
    boolean bytes() {
        return bytes;
    }

    /**
     * What both halves of a shifted int of eight nibbles are multiplied by, modulo 2^16, {@code [row / 4][pair of columns][row % 4]}:
     * for the first column of a pair in the low half of its int, for the second in the high.
     *
     * <p>
     * An int {@code v} of nibbles {@code q0} to {@code q7}, from the lowest, shifted right by {@code 4 j} bits is
     * {@code q_j + 16 (v >> 4 (j + 1))}. So the sum of all {@code q_j x_j} is that of all
     * {@code (v >> 4 j) (x_j - 16 x_(j - 1))}, of which the low half takes the first four and the high half the others: no nibble is
     * masked. Only both halves' sums together are right, because what of the high half is shifted into the low one is taken off
     * by the factor of {@code q4}.
     */
    int[] nibbleFactors() {
        return nibbleFactors;
    }

    /** The same for shorts of two bytes, each by itself: {@code x_j - 256 x_(j - 1)}. */
    int[] byteFactors() {
        return byteFactors;
    }

    /** Where a row's factors of a block begin; those of its next pair of columns are {@link #GROUP_ROWS} ints further. */
    int factors(int row, int block) {
        return row / GROUP_ROWS * factorGroupStride + block * (BLOCK / 2) * GROUP_ROWS + row % GROUP_ROWS;
    }

    /** Writes a block's rounded values, found again in its factors. */
    void readRounded(int row, int block, int[] values) {
        int[] factors = bytes ? byteFactors : nibbleFactors;
        int pairs = bytes ? 2 : 4;
        int shift = bytes ? 8 : 4;
        int at = factors(row, block);
        for (int i = 0; i < BLOCK / 2; i++) {
            int before = i % pairs == 0 ? 0 : values[2 * i - 2];
            values[2 * i] = (short) (factors[at + i * GROUP_ROWS] + (before << shift));
        }
        for (int i = 0; i < BLOCK / 2; i++) {
            int before = i % pairs != 0 ? values[2 * i - 1] : bytes ? 0 : values[2 * i + 6];
            values[2 * i + 1] = (short) ((factors[at + i * GROUP_ROWS] >> 16) + (before << shift));
        }
    }

    /** Blocks of a row: the distance of two rows of what there is once a block. */
    int blockStride() {
        return blockStride;
    }

    /** By block, in both halves of an int: -8 times the sum of its values in that half of the ints. */
    int[] nibbleStarts() {
        return nibbleStarts;
    }

    /** By half a block, in both halves of an int: -32 times the sum of its values in that half of the ints. */
    int[] byteStarts() {
        return byteStarts;
    }

    /** By block: what a rounded value is multiplied by. */
    float[] scales() {
        return scales;
    }

    /** By block: the sum of its rounded values, times the scale. */
    float[] scaledSums() {
        return scaledSums;
    }
}
