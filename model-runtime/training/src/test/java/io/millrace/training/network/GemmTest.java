package io.millrace.training.network;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products are chains of fused multiply-adds in the order of k, bit for bit, whatever the tiles. */
class GemmTest {
    private static final int AROUND = 5;

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "6, 64, 128", "7, 65, 129", "11, 130, 300", "96, 64, 16", "5, 63, 257"})
    void wideProducts(int rows, int columns, int depth) {
        Random random = new Random(depth);
        Matrix a = random(rows, depth, random);
        Matrix b = random(depth, columns, random);
        Matrix transposed = transposed(b, depth, columns);
        float[] packed = new float[Gemm.packedSize(depth, columns, Gemm.WIDE_PANEL)];
        float[] packedAgain = packed.clone();
        Gemm.packAll(b.values(), 0, b.stride(), depth, columns, Gemm.WIDE_PANEL, packed);
        Gemm.packAllTransposed(transposed.values(), 0, transposed.stride(), depth, columns, Gemm.WIDE_PANEL,
                packedAgain);
        assertThat(packedAgain).isEqualTo(packed);
        for (boolean add : new boolean[]{false, true}) {
            float[] c = random(rows + 2, columns + 2 * AROUND, random).values();
            int stride = Lanes.stride(columns + 2 * AROUND);
            float[] expected = c.clone();
            multiply(a, b, expected, stride, rows, columns, depth, add);
            float[] actual = c.clone();
            Gemm.multiply(a.values(), 0, a.stride(), packed, actual, stride + AROUND, stride,
                    rows, columns, depth, add, new float[Gemm.SCRATCH]);
            assertThat(actual).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "12, 32, 48", "13, 33, 49", "48, 64, 100"})
    void narrowProducts(int rows, int columns, int depth) {
        Random random = new Random(depth);
        Matrix a = random(rows, depth, random);
        Matrix b = random(depth + 3, columns, random);
        float[] packed = new float[Gemm.packedSize(depth + 3, columns, Gemm.NARROW_PANEL)];
        Gemm.packAll(b.values(), 0, b.stride(), depth + 3, columns, Gemm.NARROW_PANEL, packed);
        for (boolean add : new boolean[]{false, true}) {
            float[] c = random(rows + 2, columns + 2 * AROUND, random).values();
            int stride = Lanes.stride(columns + 2 * AROUND);
            float[] expected = c.clone();
            multiply(a, b, expected, stride, rows, columns, depth, add);
            float[] actual = c.clone();
            Gemm.multiplyNarrow(a.values(), 0, a.stride(), packed, depth + 3, actual, stride + AROUND, stride, rows,
                    columns, depth, add, new float[Gemm.SCRATCH]);
            assertThat(actual).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "6, 16", "7, 17", "300, 130"})
    void transposes(int rows, int depth) {
        Matrix a = random(rows, depth, new Random(rows));
        Matrix columns = transposed(a, rows, depth);
        Matrix again = Matrix.of(rows, depth);
        Gemm.transpose(columns.values(), 0, columns.stride(), depth, rows, again.values(), again.stride());
        for (int row = 0; row < rows; row++) {
            for (int k = 0; k < depth; k++) {
                assertThat(again.values()[again.at(row) + k]).isEqualTo(a.values()[a.at(row) + k]);
            }
        }
    }

    private static Matrix random(int rows, int width, Random random) {
        Matrix matrix = Matrix.of(rows, width);
        for (int i = 0; i < matrix.values().length; i++) {
            matrix.values()[i] = (float) random.nextGaussian();
        }
        return matrix;
    }

    private static Matrix transposed(Matrix matrix, int rows, int columns) {
        Matrix transposed = Matrix.of(columns, rows);
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                transposed.values()[transposed.at(column) + row] = matrix.values()[matrix.at(row) + column];
            }
        }
        return transposed;
    }

    /** C begins in the second row; nothing around it changes. */
    private static void multiply(Matrix a, Matrix b, float[] c, int stride, int rows, int columns, int depth,
            boolean add) {
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                int at = (row + 1) * stride + AROUND + column;
                float sum = add ? c[at] : 0;
                for (int k = 0; k < depth; k++) {
                    sum = Math.fma(a.values()[a.at(row) + k], b.values()[b.at(k) + column], sum);
                }
                c[at] = sum;
            }
        }
    }
}
