package io.millrace.runtime.kernels;

import io.millrace.runtime.packing.PackedLayout;

/**
 * Rows of f32 activations, the right side of matrix products. Beside the values themselves, what products with packed
 * matrices read: whoever writes values calls {@link Kernels#prepare} for them before such a product.
 */
public final class Activations {
    /** Rows as far apart as a power of two would share few sets of the first-level cache. */
    private static final int SKEW = Kernels.LANES;

    private final float[] values;
    private final int stride;
    private final float[] nibbles;
    private final float[] sums;
    final int sumsStride;

    /**
     * Zeros.
     *
     * @param rows most rows
     * @param width values of a row
     * @param packed whether products with packed matrices follow
     */
    public Activations(int rows, int width, boolean packed) {
        stride = Kernels.padded(width) + SKEW;
        values = new float[rows * stride];
        nibbles = new float[packed ? values.length : 0];
        sumsStride = width / PackedLayout.BLOCK;
        sums = new float[packed ? rows * sumsStride : 0];
    }

    /** {@code [row][stride()]}; what lies behind a row's width stays zero. */
    public float[] values() {
        return values;
    }

    /** Distance of two rows. */
    public int stride() {
        return stride;
    }

    /**
     * {@code [row][stride()]}: values times {@code 2^-8i} for the {@code i}-th pair of each 8 columns. They meet quants that
     * were not shifted down to bit 0 but masked at bit {@code 8 i}, so that the products are those of value and quant.
     */
    float[] nibbles() {
        return nibbles;
    }

    /** {@code [row][block]}: sums of 32 values. */
    float[] sums() {
        return sums;
    }

    /** What a matrix of a layout is multiplied by. */
    float[] operand(PackedLayout layout) {
        return layout.nibbles() ? nibbles : values;
    }
}
