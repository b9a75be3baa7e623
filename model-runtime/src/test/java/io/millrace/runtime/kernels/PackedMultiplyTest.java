package io.millrace.runtime.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.runtime.packing.PackedLayout;
import io.millrace.runtime.packing.PackedMatrix;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Products with packed matrices: right, and the same bits by every path. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
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

    /** 127 is rounded to itself, so only what the weights' own rounding leaves may differ. */
    @ParameterizedTest
    @MethodSource("packed")
    void oneActivationGivesAWeightAsItIsDequantized(TensorType type) {
        int cols = 512;
        Tensor source = TestTensors.random(type, 70, cols, 1);
        PackedMatrix weights = TestTensors.packed(source);
        Activations x = new Activations(cols, cols, List.of(weights.layout()));
        for (int k = 0; k < cols; k++) {
            x.values()[k * x.stride() + k] = 127;
        }
        round(SCALAR, x, cols, cols);
        float[] y = multiply(SCALAR, weights, x, cols);
        float[] row = new float[cols];
        for (int n = 0; n < 70; n++) {
            SCALAR.dequantize(source, n, 0, cols, row, 0);
            float largest = 0;
            for (float weight : row) {
                largest = Math.max(largest, Math.abs(weight));
            }
            for (int k = 0; k < cols; k++) {
                assertThat(y[k * 70 + n]).as("row %s, column %s", n, k).isCloseTo(127 * row[k],
                        within(type == TensorType.Q8_0 ? 0 : 127 * largest * 0x1p-22f));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void multipliesAsTheReference(TensorType type, int rows, int cols) {
        PackedMatrix weights = TestTensors.packed(TestTensors.random(type, rows, cols, 2));
        Activations x = activations(7, cols, 3, type);
        assertSameBits(multiply(kernels, weights, x, 7), multiply(SCALAR, weights, x, 7));
    }

    @ParameterizedTest
    @MethodSource("packed")
    void aRowsResultDoesNotDependOnTheNumberOfRows(TensorType type) {
        int cols = 768;
        PackedMatrix weights = TestTensors.packed(TestTensors.random(type, 128, cols, 4));
        Activations x = activations(130, cols, 5, type);
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
        Activations x = activations(1, cols, 7, type);
        float[] y = multiply(kernels, weights, x, 1);
        float[] row = new float[cols];
        for (int n = 0; n < 64; n++) {
            SCALAR.dequantize(source, n, 0, cols, row, 0);
            double sum = 0;
            double magnitude = 0;
            for (int k = 0; k < cols; k++) {
                double value = x.rounds() ? rounded(x, 0, k) : x.values()[k];
                sum += row[k] * value;
                magnitude += Math.abs(row[k] * value);
            }
            assertThat((double) y[n]).isCloseTo(sum, within(2e-6 * magnitude));
        }
    }

    /** The largest sums that the quants of a type can have: all of one sign, and the largest. */
    @ParameterizedTest
    @MethodSource("packed")
    void sumsOfTheLargestQuantsDoNotOverflow(TensorType type) {
        for (int fill : new int[]{0, 0xff}) {
            for (float value : new float[]{1, -1}) {
                Tensor source = TestTensors.random(type, 64, 512, 9);
                TestTensors.fillQuants(source, (byte) fill);
                PackedMatrix weights = TestTensors.packed(source);
                Activations x = new Activations(5, 512, List.of(weights.layout()));
                for (int row = 0; row < 5; row++) {
                    Arrays.fill(x.values(), row * x.stride(), row * x.stride() + 512, value);
                }
                round(SCALAR, x, 5, 512);
                float[] y = multiply(kernels, weights, x, 5);
                float[] weightsOfRow = new float[512];
                for (int n = 0; n < 64; n++) {
                    SCALAR.dequantize(source, n, 0, 512, weightsOfRow, 0);
                    double sum = 0;
                    double magnitude = 0;
                    for (float weight : weightsOfRow) {
                        sum += weight * value;
                        magnitude += Math.abs(weight);
                    }
                    assertThat((double) y[n]).as("%s, %s, row %s", fill, value, n).isCloseTo(sum,
                            within(1e-5 * magnitude));
                }
                assertSameBits(y, multiply(SCALAR, weights, x, 5));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("readers")
    void activationsAreRoundedToTheNearestOf255Steps(Kernels rounding, List<PackedLayout> readers) {
        Activations x = new Activations(2, 96, readers);
        float[] values = TestTensors.floats(96, -3, 3, 10);
        values[1] = 127 * 0x1p-5f;
        values[2] = 2.5f * 0x1p-5f;
        values[3] = -3.5f * 0x1p-5f;
        Arrays.fill(values, 32, 64, 0);
        Arrays.fill(values, 64, 96, 1e-38f);
        System.arraycopy(values, 0, x.values(), x.stride(), 96);
        rounding.round(x, 1, 0, 96, new KernelScratch());
        for (int k = 0; k < 32; k++) {
            assertThat(rounded(x, 1, k)).isCloseTo(values[k], within(0.5 * 0x1.001p-5));
        }
        assertThat(rounded(x, 1, 1)).isEqualTo(127 * 0x1p-5);
        assertThat(rounded(x, 1, 2)).as("a tie goes to the even one").isEqualTo(2 * 0x1p-5);
        assertThat(rounded(x, 1, 3)).isEqualTo(-4 * 0x1p-5);
        for (int k = 32; k < 96; k++) {
            assertThat(rounded(x, 1, k)).isZero();
        }
        assertThat(rounded(x, 0, 1)).as("the other row").isZero();
    }

    Stream<Arguments> readers() {
        PackedLayout nibbles = PackedLayout.of(TensorType.Q4_0);
        PackedLayout bytes = PackedLayout.of(TensorType.Q6_K);
        return implementations()
                .flatMap(rounding -> Stream.of(List.of(nibbles), List.of(bytes), List.of(nibbles, bytes))
                        .map(readers -> Arguments.of(rounding, readers)));
    }

    @ParameterizedTest
    @MethodSource("packed")
    void aMatrixBesideDoesNotChangeWhatAnotherMeets(TensorType type) {
        PackedMatrix weights = TestTensors.packed(TestTensors.random(type, 64, 512, 12));
        Activations alone = activations(5, 512, 13, type);
        Activations shared = new Activations(5, 512,
                List.of(PackedLayout.of(TensorType.Q4_0), PackedLayout.of(TensorType.Q6_K), PackedLayout.of(type)));
        System.arraycopy(alone.values(), 0, shared.values(), 0, alone.values().length);
        round(kernels, shared, 5, 512);
        assertSameBits(multiply(kernels, weights, shared, 5), multiply(kernels, weights, alone, 5));
    }

    @ParameterizedTest
    @MethodSource("implementations")
    void whatIsNotFiniteStaysSo(Kernels rounding) {
        for (float value : new float[]{Float.NaN, Float.POSITIVE_INFINITY}) {
            PackedMatrix weights = TestTensors.packed(TestTensors.random(TensorType.Q4_0, 64, 64, 11));
            Activations x = new Activations(1, 64, List.of(weights.layout()));
            x.values()[40] = value;
            round(rounding, x, 1, 64);
            float[] y = multiply(rounding, weights, x, 1);
            for (float output : y) {
                assertThat(output).isNotFinite();
            }
        }
    }

    Stream<Kernels> implementations() {
        return Stream.of(SCALAR, kernels);
    }

    @ParameterizedTest
    @MethodSource("packed")
    void tinyActivationsAreTreatedAlikeByEveryPath(TensorType type) {
        int cols = 512;
        PackedMatrix weights = TestTensors.packed(TestTensors.random(type, 64, cols, 8));
        Activations x = new Activations(5, cols, List.of(weights.layout()));
        for (int row = 0; row < 5; row++) {
            for (int k = 0; k < cols; k++) {
                x.values()[row * x.stride() + k] = (k % 3 - 1.3f) * (k / 32 % 2 == 0 ? 1e-38f : 0x1p-99f);
            }
        }
        round(kernels, x, 5, cols);
        float[] five = multiply(kernels, weights, x, 5);
        assertSameBits(multiply(kernels, weights, x, 1), Arrays.copyOf(five, 64));
        assertSameBits(multiply(SCALAR, weights, x, 5), five);
    }

    private static Activations activations(int rows, int cols, long seed, TensorType type) {
        Activations x = new Activations(rows, cols, List.of(PackedLayout.of(type)));
        for (int row = 0; row < rows; row++) {
            System.arraycopy(TestTensors.floats(cols, -2, 2, seed + row), 0, x.values(), row * x.stride(), cols);
        }
        round(SCALAR, x, rows, cols);
        return x;
    }

    private static void round(Kernels kernels, Activations x, int rows, int cols) {
        for (int row = 0; row < rows && x.rounds(); row++) {
            kernels.round(x, row, 0, cols, new KernelScratch());
        }
    }

    private static double rounded(Activations x, int row, int column) {
        int[] block = new int[32];
        x.readRounded(row, column / 32, block);
        return (double) block[column % 32] * x.scales()[row * x.blockStride() + column / 32];
    }

    private static float[] multiply(Kernels kernels, PackedMatrix weights, Activations x, int rows) {
        float[] y = new float[rows * weights.rows()];
        for (int tile = 0; tile < weights.tiles(); tile++) {
            kernels.multiply(weights, tile, x, rows, y, tile * PackedLayout.TILE_ROWS, weights.rows(),
                    new KernelScratch());
        }
        return y;
    }

    private static void assertSameBits(float[] actual, float[] expected) {
        assertThat(TestTensors.bits(actual)).isEqualTo(TestTensors.bits(expected));
    }
}
