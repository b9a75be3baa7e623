package io.millrace.training.network;

/** Adds {@code dW += dY^T X} to the gradients of a matrix, some of its rows at a time. Holds the scratch of one worker. */
final class WeightGradient {
    /** Rows of a matrix that are one task; a multiple of a tile's rows. */
    static final int ROWS = 96;
    /** Tokens that are packed at a time. */
    private static final int TOKENS = 192;

    private final float[] packed;
    private final float[] tile = new float[Gemm.SCRATCH];

    /** For matrices of at most so many columns. */
    WeightGradient(int columns) {
        packed = new float[Gemm.packedSize(TOKENS, columns, Gemm.WIDE_PANEL)];
    }

    /**
     * Adds to rows {@code part * ROWS ..} of the gradient.
     *
     * @param tokens rows of {@code dy} and {@code x}
     */
    void add(Parameter parameter, int part, Matrix dy, Matrix x, int tokens) {
        int first = part * ROWS;
        int rows = Math.min(ROWS, parameter.rows() - first);
        int cols = parameter.cols();
        for (int token = 0; token < tokens; token += TOKENS) {
            int count = Math.min(TOKENS, tokens - token);
            Gemm.packAll(x.values(), x.at(token), x.stride(), count, cols, Gemm.WIDE_PANEL, packed);
            Gemm.multiply(dy.values(), dy.at(token) + first, 1, dy.stride(), packed, parameter.gradients(),
                    first * cols, cols, rows, cols, count, true, tile);
        }
    }
}
