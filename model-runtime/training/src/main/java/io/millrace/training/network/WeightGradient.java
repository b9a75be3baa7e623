package io.millrace.training.network;

/** Adds {@code dW += dY^T X} to the gradients of a matrix, some of its rows at a time. Holds the scratch of one worker. */
final class WeightGradient {
    /**
     * The most rows of a matrix that are one task: the more they are, the less often {@code X} is read; the gradient's part
     * stays in the second-level cache. A multiple of a tile's rows.
     */
    private static final int ROWS = 44 * Gemm.ROWS;
    /** Tokens that are packed at a time. */
    private static final int TOKENS = Gemm.DEPTH;
    private static final int STRIDE = Lanes.stride(TOKENS);

    private final float[] transposed = new float[ROWS * STRIDE + Gemm.slack(STRIDE)];
    private final float[] packed;
    private final float[] tile = new float[Gemm.SCRATCH];

    /** For matrices of at most so many columns. */
    WeightGradient(int columns) {
        packed = new float[Gemm.packedSize(TOKENS, columns, Gemm.WIDE_PANEL)];
    }

    /** How many tasks a matrix is. */
    static int parts(Parameter parameter) {
        return (parameter.rows() + ROWS - 1) / ROWS;
    }

    /**
     * Adds to some rows of the gradient.
     *
     * @param part which, below {@link #parts}
     * @param tokens rows of {@code dy} and {@code x}
     */
    void add(Parameter parameter, int part, Matrix dy, Matrix x, int tokens) {
        int tiles = (parameter.rows() + Gemm.ROWS - 1) / Gemm.ROWS;
        int first = part * tiles / parts(parameter) * Gemm.ROWS;
        int rows = Math.min(parameter.rows(), (part + 1) * tiles / parts(parameter) * Gemm.ROWS) - first;
        int cols = parameter.cols();
        for (int token = 0; token < tokens; token += TOKENS) {
            int count = Math.min(TOKENS, tokens - token);
            Gemm.packAll(x.values(), x.at(token), x.stride(), count, cols, Gemm.WIDE_PANEL, packed);
            Gemm.transpose(dy.values(), dy.at(token) + first, dy.stride(), count, rows, transposed, STRIDE);
            Gemm.multiply(transposed, 0, STRIDE, packed, parameter.gradients(),
                    first * cols, cols, rows, cols, count, true, tile);
        }
    }
}
