package io.millrace.training.network;

/**
 * A matrix packed for both directions.
 *
 * @param forward columns are outputs: {@code Y = X W^T}
 * @param backward columns are inputs: {@code dX = dY W}
 */
record Weights(Parameter parameter, float[] forward, float[] backward) {

    static Weights of(Parameter parameter) {
        return new Weights(parameter,
                new float[Gemm.packedSize(parameter.cols(), parameter.rows(), Gemm.WIDE_PANEL)],
                new float[Gemm.packedSize(parameter.rows(), parameter.cols(), Gemm.WIDE_PANEL)]);
    }

    void packForward() {
        int cols = parameter.cols();
        Gemm.packAllTransposed(parameter.values(), 0, cols, cols, parameter.rows(), Gemm.WIDE_PANEL, forward);
    }

    void packBackward() {
        int cols = parameter.cols();
        Gemm.packAll(parameter.values(), 0, cols, parameter.rows(), cols, Gemm.WIDE_PANEL, backward);
    }

    /** Outputs of some rows. */
    void multiply(Matrix x, int xRow, Matrix y, int yRow, int rows, boolean add, float[] tile) {
        Gemm.multiply(x.values(), x.at(xRow), x.stride(), forward, y.values(), y.at(yRow),
                y.stride(), rows,
                parameter.rows(), parameter.cols(), add, tile);
    }

    /** Gradients of the inputs of some rows. */
    void multiplyBack(Matrix dy, int dyRow, Matrix dx, int dxRow, int rows, boolean add, float[] tile) {
        Gemm.multiply(dy.values(), dy.at(dyRow), dy.stride(), backward, dx.values(),
                dx.at(dxRow), dx.stride(), rows,
                parameter.cols(), parameter.rows(), add, tile);
    }
}
