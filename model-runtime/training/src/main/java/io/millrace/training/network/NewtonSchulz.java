package io.millrace.training.network;

/**
 * Brings all singular values of a matrix near 1 and leaves its singular vectors, by five rounds of a quintic Newton-Schulz
 * iteration: {@code X <- aX + (bG + cG^2) X} with {@code G = X X^T}, whose coefficients raise small singular values fast and
 * leave all between about 0.7 and 1.2 (Jordan et al. 2024, Muon). Holds the scratch of one worker.
 */
final class NewtonSchulz {
    private static final int ROUNDS = 5;
    private static final float A = 3.4445f;
    private static final float B = -4.7750f;
    private static final float C = 2.0315f;
    /** Of a matrix of zeros nothing is divided by 0. */
    private static final double SMALLEST_NORM = 1e-7;

    private float[] current;
    private float[] next;
    private final float[] gram;
    private final float[] polynomial;
    private final float[] packed;
    private final float[] tile = new float[Gemm.SCRATCH];

    /** For matrices whose longer and shorter sides are at most so long. */
    NewtonSchulz(int longer, int shorter) {
        int size = longer * shorter + Gemm.slack(longer);
        current = new float[size];
        next = new float[size];
        gram = new float[shorter * shorter + Gemm.slack(shorter)];
        polynomial = new float[gram.length];
        packed = new float[Math.max(Gemm.packedSize(shorter, longer, Gemm.WIDE_PANEL),
                Gemm.packedSize(longer, shorter, Gemm.WIDE_PANEL))];
    }

    /** Replaces {@code matrix}, {@code [row][col]}. Its shorter side is made the rows while it is worked on. */
    void orthogonalise(float[] matrix, int rows, int cols) {
        double sum = 0;
        for (float value : matrix) {
            sum += (double) value * value;
        }
        float scale = (float) (1 / Math.max(Math.sqrt(sum), SMALLEST_NORM));
        boolean tall = rows > cols;
        int height = Math.min(rows, cols);
        int width = Math.max(rows, cols);
        for (int i = 0; i < matrix.length; i++) {
            current[tall ? i % cols * rows + i / cols : i] = matrix[i] * scale;
        }
        for (int round = 0; round < ROUNDS; round++) {
            improve(height, width);
        }
        for (int i = 0; i < matrix.length; i++) {
            matrix[i] = current[tall ? i % cols * rows + i / cols : i];
        }
    }

    private void improve(int rows, int cols) {
        Gemm.packAllTransposed(current, 0, cols, cols, rows, Gemm.WIDE_PANEL, packed);
        multiply(current, gram, rows, rows, cols);
        Gemm.packAll(gram, 0, rows, rows, rows, Gemm.WIDE_PANEL, packed);
        multiply(gram, polynomial, rows, rows, rows);
        for (int i = 0; i < rows * rows; i++) {
            polynomial[i] = B * gram[i] + C * polynomial[i];
        }
        for (int i = 0; i < rows; i++) {
            polynomial[i * rows + i] += A;
        }
        Gemm.packAll(current, 0, cols, rows, cols, Gemm.WIDE_PANEL, packed);
        multiply(polynomial, next, rows, cols, rows);
        float[] swapped = current;
        current = next;
        next = swapped;
    }

    /** {@code product = left packed}. */
    private void multiply(float[] left, float[] product, int rows, int columns, int depth) {
        Gemm.multiply(left, 0, depth, packed, product, 0, columns, rows, columns, depth, false,
                tile);
    }
}
