package io.millrace.runtime.kernels;

/**
 * How a matrix product is cut so that what is used again stays in the caches. Cutting does not change a result: the 16 lanes
 * of a sum are carried from one panel of columns to the next in scratch.
 */
final class MultiplyTiling {
    /** Weight rows that are dequantized together. */
    static final int WEIGHT_ROWS = 4;
    /** Columns per panel; a multiple of every block size. */
    static final int PANEL = 512;
    /** Outputs whose sums are carried together. */
    static final int OUTPUTS = 32;
    /** Activation rows whose sums are carried together. */
    static final int ROWS = 60;

    static final int WEIGHTS = WEIGHT_ROWS * PANEL;
    static final int SCRATCH = WEIGHTS + OUTPUTS * ROWS * Kernels.LANES;

    private MultiplyTiling() {}

    /** The lanes at {@code offset}, added pairwise. */
    static float sumLanes(float[] lanes, int offset) {
        float s0 = lanes[offset] + lanes[offset + 8];
        float s1 = lanes[offset + 1] + lanes[offset + 9];
        float s2 = lanes[offset + 2] + lanes[offset + 10];
        float s3 = lanes[offset + 3] + lanes[offset + 11];
        float s4 = lanes[offset + 4] + lanes[offset + 12];
        float s5 = lanes[offset + 5] + lanes[offset + 13];
        float s6 = lanes[offset + 6] + lanes[offset + 14];
        float s7 = lanes[offset + 7] + lanes[offset + 15];
        s0 += s4;
        s1 += s5;
        s2 += s6;
        s3 += s7;
        s0 += s2;
        s1 += s3;
        return s0 + s1;
    }
}
