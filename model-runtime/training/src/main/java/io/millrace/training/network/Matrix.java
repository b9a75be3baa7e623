package io.millrace.training.network;

/**
 * Rows of a batch, {@code [token][width]}, at a distance that suits the kernels.
 *
 * @param values with slack behind the last row, see {@link Gemm}
 * @param stride floats from row to row
 */
record Matrix(float[] values, int stride) {

    static Matrix of(int rows, int width) {
        int stride = Lanes.stride(width);
        return new Matrix(new float[Math.addExact(Math.multiplyExact(rows, stride), Gemm.slack(stride))], stride);
    }

    int at(int row) {
        return row * stride;
    }
}
