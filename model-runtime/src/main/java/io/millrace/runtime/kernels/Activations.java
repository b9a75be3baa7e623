package io.millrace.runtime.kernels;

/** Rows of f32 activations, the right side of matrix products. */
public final class Activations {
    /** Rows as far apart as a power of two would share few sets of the first-level cache. */
    private static final int SKEW = Kernels.LANES;

    private final float[] values;
    private final int stride;

    /**
     * Zeros.
     *
     * @param rows most rows
     * @param width values of a row
     */
    public Activations(int rows, int width) {
        stride = Kernels.padded(width) + SKEW;
        values = new float[rows * stride];
    }

    /** {@code [row][stride()]}; what lies behind a row's width stays zero. */
    public float[] values() {
        return values;
    }

    /** Distance of two rows. */
    public int stride() {
        return stride;
    }
}
