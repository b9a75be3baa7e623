package io.millrace.runtime.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.runtime.packing.PackedLayout;
import io.millrace.runtime.packing.PackedMatrix;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Products with packed matrices: right, and the same bits by every path. */
class PackedMultiplyTest {
    private static final ScalarKernels SCALAR = new ScalarKernels();
    private final Kernels kernels = KernelProvider.choose(null);

    static Stream<TensorType> packed() {
        return Arrays.stream(TensorType.values()).filter(PackedLayout::packs);
    }

    static Stream<Arguments> shapes() {
        return packed().flatMap(type -> Stream.of(1, 3, 5)
                .flatMap(blocks -> Stream.of(1, 64, 100, 192).map(
                        rows -> Arguments.of(type, rows, blocks * type.blockSize()))));
    }

    @ParameterizedTest
    @MethodSource("packed")
    void aUnitVectorGivesTheWeightsAsTheyAreDequantized(TensorType type) {
        int cols = 512;
        Tensor source = TestTensors.random(type, 70, cols, 1);
        PackedMatrix weights = TestTensors.packed(source);
        Activations x = new Activations(cols, cols);
        for (int k = 0; k < cols; k++) {
            x.values()[k * x.stride() + k] = 1;
        }
        float[] y = multiply(SCALAR, weights, x, cols);
        float[] row = new float[cols];
        for (int n = 0; n < 70; n++) {
            SCALAR.dequantize(source, n, 0, cols, row, 0);
            for (int k = 0; k < cols; k++) {
                assertThat(y[k * 70 + n]).as("row %s, column %s", n, k).isEqualTo(row[k]);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void multipliesAsTheReference(TensorType type, int rows, int cols) {
        PackedMatrix weights = TestTensors.packed(TestTensors.random(type, rows, cols, 2));
        Activations x = activations(7, cols, 3);
        assertSameBits(multiply(kernels, weights, x, 7), multiply(SCALAR, weights, x, 7));
    }

    @ParameterizedTest
    @MethodSource("packed")
    void aRowsResultDoesNotDependOnTheNumberOfRows(TensorType type) {
        int cols = 768;
        PackedMatrix weights = TestTensors.packed(TestTensors.random(type, 128, cols, 4));
        Activations x = activations(130, cols, 5);
        float[] all = multiply(kernels, weights, x, 130);
        for (int rows = 1; rows <= 32; rows++) {
            assertSameBits(multiply(kernels, weights, x, rows), Arrays.copyOf(all, rows * 128));
        }
        assertSameBits(multiply(SCALAR, weights, x, 130), all);
    }

    @ParameterizedTest
    @MethodSource("packed")
    void aProductIsTheSumOfProductsWithinRounding(TensorType type) {
        int cols = 2048;
        Tensor source = TestTensors.random(type, 64, cols, 6);
        PackedMatrix weights = TestTensors.packed(source);
        Activations x = activations(1, cols, 7);
        float[] y = multiply(kernels, weights, x, 1);
        float[] row = new float[cols];
        for (int n = 0; n < 64; n++) {
            SCALAR.dequantize(source, n, 0, cols, row, 0);
            double sum = 0;
            double magnitude = 0;
            for (int k = 0; k < cols; k++) {
                sum += (double) row[k] * x.values()[k];
                magnitude += Math.abs((double) row[k] * x.values()[k]);
            }
            assertThat((double) y[n]).isCloseTo(sum, within(2e-6 * magnitude));
        }
    }

    @ParameterizedTest
    @MethodSource("packed")
    void tinyActivationsAreTreatedAlikeByEveryPath(TensorType type) {
        int cols = 512;
        PackedMatrix weights = TestTensors.packed(TestTensors.random(type, 64, cols, 8));
        Activations x = new Activations(5, cols);
        for (int row = 0; row < 5; row++) {
            for (int k = 0; k < cols; k++) {
                x.values()[row * x.stride() + k] = (k % 3 - 1.3f) * 1e-38f;
            }
        }
        float[] five = multiply(kernels, weights, x, 5);
        assertSameBits(multiply(kernels, weights, x, 1), Arrays.copyOf(five, 64));
        assertSameBits(multiply(SCALAR, weights, x, 5), five);
    }

    private static Activations activations(int rows, int cols, long seed) {
        Activations x = new Activations(rows, cols);
        for (int row = 0; row < rows; row++) {
            System.arraycopy(TestTensors.floats(cols, -2, 2, seed + row), 0, x.values(), row * x.stride(), cols);
        }
        return x;
    }

    private static float[] multiply(Kernels kernels, PackedMatrix weights, Activations x, int rows) {
        float[] y = new float[rows * weights.rows()];
        for (int tile = 0; tile < weights.tiles(); tile++) {
            kernels.multiply(weights, tile, x, rows, y, tile * PackedLayout.TILE_ROWS, weights.rows(),
                    new float[Kernels.MULTIPLY_SCRATCH]);
        }
        return y;
    }

    private static void assertSameBits(float[] actual, float[] expected) {
        assertThat(TestTensors.bits(actual)).isEqualTo(TestTensors.bits(expected));
    }
}
