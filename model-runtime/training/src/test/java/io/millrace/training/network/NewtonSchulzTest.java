package io.millrace.training.network;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NewtonSchulzTest {

    /** Columns, or rows where they are fewer, become nearly orthogonal, and of a length near 1. */
    @ParameterizedTest
    @CsvSource({"48, 48", "30, 100", "100, 30", "1, 20"})
    void singularValuesComeNearOne(int rows, int cols) {
        float[] matrix = random(rows, cols);
        float[] before = matrix.clone();
        new NewtonSchulz(120, 60).orthogonalise(matrix, rows, cols);
        Random random = new Random(2);
        for (int i = 0; i < 20; i++) {
            // A unit vector of the shorter side is stretched by something between the singular values.
            double[] unit = random.doubles(Math.min(rows, cols), -1, 1).toArray();
            double norm = norm(unit);
            double stretched = norm(rows < cols ? fromLeft(unit, matrix, cols) : fromRight(matrix, unit, rows)) / norm;
            assertThat(stretched).isBetween(0.3, 1.25);
        }
        double alignment = 0;
        for (int i = 0; i < matrix.length; i++) {
            alignment += (double) matrix[i] * before[i];
        }
        assertThat(alignment).isPositive();
    }

    @Test
    void theTransposedMatrixGivesTheTransposedResult() {
        float[] wide = random(30, 100);
        float[] tall = transposed(wide, 30, 100);
        NewtonSchulz newtonSchulz = new NewtonSchulz(100, 30);
        newtonSchulz.orthogonalise(wide, 30, 100);
        newtonSchulz.orthogonalise(tall, 100, 30);
        assertThat(tall).usingComparatorWithPrecision(1e-5f).containsExactly(transposed(wide, 30, 100));
    }

    @Test
    void aMatrixOfOneSingularValueKeepsItsDirection() {
        float[] matrix = new float[12];
        matrix[5] = -40;
        new NewtonSchulz(4, 3).orthogonalise(matrix, 3, 4);
        assertThat(matrix[5]).isBetween(-1.25f, -0.65f);
        matrix[5] = 0;
        assertThat(matrix).containsOnly(0);
    }

    @Test
    void zerosStayZeros() {
        float[] matrix = new float[12];
        new NewtonSchulz(4, 3).orthogonalise(matrix, 3, 4);
        assertThat(matrix).containsOnly(0);
    }

    private static float[] random(int rows, int cols) {
        Random random = new Random(1);
        float[] matrix = new float[rows * cols];
        for (int i = 0; i < matrix.length; i++) {
            matrix[i] = (float) random.nextGaussian();
        }
        return matrix;
    }

    private static float[] transposed(float[] matrix, int rows, int cols) {
        float[] transposed = new float[matrix.length];
        for (int i = 0; i < matrix.length; i++) {
            transposed[i % cols * rows + i / cols] = matrix[i];
        }
        return transposed;
    }

    private static double[] fromLeft(double[] left, float[] matrix, int cols) {
        double[] product = new double[cols];
        for (int i = 0; i < matrix.length; i++) {
            product[i % cols] += left[i / cols] * matrix[i];
        }
        return product;
    }

    private static double[] fromRight(float[] matrix, double[] right, int rows) {
        double[] product = new double[rows];
        for (int i = 0; i < matrix.length; i++) {
            product[i / right.length] += matrix[i] * right[i % right.length];
        }
        return product;
    }

    private static double norm(double[] vector) {
        double sum = 0;
        for (double value : vector) {
            sum += value * value;
        }
        return Math.sqrt(sum);
    }
}
