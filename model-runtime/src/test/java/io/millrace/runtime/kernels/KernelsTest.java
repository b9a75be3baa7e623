package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.AttentionTile.POSITIONS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackedLayout;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The kernels of this machine against the scalar reference: the same bits. */
class KernelsTest {
    private static final ScalarKernels SCALAR = new ScalarKernels();
    private final Kernels kernels = KernelProvider.choose(null);

    static Stream<TensorType> plainTypes() {
        return Arrays.stream(TensorType.values()).filter(type -> !PackedLayout.packs(type));
    }

    static Stream<Arguments> plainShapes() {
        return shapes().filter(shape -> !PackedLayout.packs((TensorType) shape.get()[0]));
    }

    static Stream<Arguments> shapes() {
        return Stream.of(TensorType.values()).flatMap(type -> {
            int block = type.blockSize();
            int[] columns = block == 1 ? new int[]{1, 16, 37, 527, 1040} : new int[]{block, 3 * block, 5 * 256};
            return Arrays.stream(columns).mapToObj(cols -> Arguments.of(type, cols));
        });
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void dequantizesAsTheReference(TensorType type, int cols) {
        Tensor weights = TestTensors.random(type, 3, cols, 1);
        float[] expected = new float[cols + 2];
        float[] actual = new float[cols + 2];
        for (int row = 0; row < 3; row++) {
            SCALAR.dequantize(weights, row, 0, cols, expected, 1);
            kernels.dequantize(weights, row, 0, cols, actual, 1);
            assertSameBits(actual, expected);
        }
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void dequantizesAPartOfARow(TensorType type) {
        Tensor weights = TestTensors.random(type, 2, 1024, 2);
        float[] whole = new float[1024];
        float[] part = new float[256];
        kernels.dequantize(weights, 1, 0, 1024, whole, 0);
        kernels.dequantize(weights, 1, 512, 256, part, 0);
        assertSameBits(part, Arrays.copyOfRange(whole, 512, 768));
    }

    @ParameterizedTest
    @MethodSource("plainShapes")
    void multipliesAsTheReferenceForEveryNumberOfOutputs(TensorType type, int cols) {
        Tensor weights = TestTensors.random(type, 37, cols, 3);
        float[] x = TestTensors.activations(9, cols, 4);
        for (int outputs : new int[]{1, 3, 4, 37}) {
            assertSameBits(multiply(kernels, weights, 37 - outputs, outputs, x, 9),
                    multiply(SCALAR, weights, 37 - outputs, outputs, x, 9));
        }
    }

    @ParameterizedTest
    @MethodSource("plainTypes")
    void aRowsResultDoesNotDependOnTheNumberOfRows(TensorType type) {
        int cols = 768;
        Tensor weights = TestTensors.random(type, 34, cols, 5);
        float[] x = TestTensors.activations(130, cols, 6);
        float[] all = multiply(kernels, weights, 0, 34, x, 130);
        for (int rows = 1; rows <= 32; rows++) {
            assertSameBits(multiply(kernels, weights, 0, 34, x, rows), Arrays.copyOf(all, rows * 34));
        }
        assertSameBits(multiply(SCALAR, weights, 0, 34, x, 130), all);
    }

    @ParameterizedTest
    @MethodSource("plainTypes")
    void aProductIsTheSumOfProductsWithinRounding(TensorType type) {
        Tensor weights = TestTensors.random(type, 5, 512, 7);
        float[] x = TestTensors.activations(1, 512, 8);
        float[] row = new float[512];
        float[] y = multiply(kernels, weights, 0, 5, x, 1);
        for (int n = 0; n < 5; n++) {
            SCALAR.dequantize(weights, n, 0, 512, row, 0);
            double sum = 0;
            double magnitude = 0;
            for (int k = 0; k < 512; k++) {
                sum += (double) row[k] * x[k];
                magnitude += Math.abs((double) row[k] * x[k]);
            }
            assertThat((double) y[n]).isCloseTo(sum, within(1e-6 * magnitude));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 37, 64, 2048})
    void normsActivatesAndAddsAsTheReference(int width) {
        float[] x = TestTensors.activations(1, width, 9);
        float[] weight = Arrays.copyOf(TestTensors.floats(width, 0.5, 1.5, 10), Kernels.padded(width));
        float[] expected = new float[width + 1];
        float[] actual = new float[width + 1];
        SCALAR.rmsNorm(x, 0, width, weight, 1e-5f, expected, 1);
        kernels.rmsNorm(x, 0, width, weight, 1e-5f, actual, 1);
        assertSameBits(actual, expected);

        float[] gate = TestTensors.floats(width + 1, -30, 30, 11);
        float[] up = TestTensors.floats(width, -3, 3, 12);
        float[] expectedGate = gate.clone();
        SCALAR.swiGlu(expectedGate, 1, up.clone(), 0, width);
        kernels.swiGlu(gate, 1, up.clone(), 0, width);
        assertSameBits(gate, expectedGate);

        float[] expectedSum = gate.clone();
        SCALAR.add(expectedSum, 1, up, 0, width);
        kernels.add(gate, 1, up, 0, width);
        assertSameBits(gate, expectedSum);
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NEGATIVE_INFINITY, -200, -104, -103.5f, -88, -87.3f, -1e-30f, 0, 1e-8f, 1, 88.7f,
            88.8f,
            90, Float.POSITIVE_INFINITY, Float.NaN})
    void activatesExtremeValuesAsTheReference(float value) {
        float[] gate = new float[16];
        Arrays.fill(gate, value);
        float[] up = new float[16];
        Arrays.fill(up, 1.5f);
        float[] expected = gate.clone();
        SCALAR.swiGlu(expected, 0, up.clone(), 0, 16);
        kernels.swiGlu(gate, 0, up, 0, 16);
        assertSameBits(gate, expected);
    }

    @ParameterizedTest
    @CsvSource({"2, false", "8, true", "16, false", "32, true", "64, false", "64, true", "80, true", "128, false"})
    void attendsAsTheReference(int headDim, boolean scaled) {
        for (int queries : new int[]{1, 2, 3, 4, 7}) {
            for (int last = 1; last <= POSITIONS; last += headDim < 64 ? 1 : 9) {
                AttentionTile expected = new AttentionTile(headDim, 9, scaled);
                AttentionTile actual = new AttentionTile(headDim, 9, scaled);
                attend(SCALAR, expected, queries, last);
                attend(kernels, actual, queries, last);
                for (int i = 2; i < 2 + queries; i++) {
                    float[] expectedOut = new float[headDim];
                    float[] out = new float[headDim];
                    expected.finish(i, expectedOut, 0);
                    actual.finish(i, out, 0);
                    assertSameBits(out, expectedOut);
                    assertThat(out).doesNotContain(Float.NaN);
                }
            }
        }
    }

    @Test
    void queriesThatAttendTogetherGetWhatEachGetsAlone() {
        AttentionTile together = new AttentionTile(64, 9, false);
        attend(kernels, together, 7, 37);
        float[] expected = new float[64];
        float[] actual = new float[64];
        for (int query = 2; query < 9; query++) {
            AttentionTile alone = new AttentionTile(64, 9, false);
            alone.begin(9);
            for (int tile = 0; tile < 3; tile++) {
                fill(alone, tile, 37);
                int positions = tile < 2 ? POSITIONS : 37;
                kernels.attendKeys(alone, query, 1, positions);
                fillValues(alone, tile);
                kernels.attendValues(alone, query, 1, positions);
            }
            together.finish(query, expected, 0);
            alone.finish(query, actual, 0);
            assertSameBits(actual, expected);
        }
    }

    /** Two whole tiles of positions and the first {@code last} of a third, with queries from number 2 on. */
    private static void attend(Kernels kernels, AttentionTile tile, int count, int last) {
        tile.begin(2 + count);
        for (int index = 0; index < 3; index++) {
            int positions = index < 2 ? POSITIONS : last;
            fill(tile, index, last);
            kernels.attendKeys(tile, 2, count, positions);
            fillValues(tile, index);
            kernels.attendValues(tile, 2, count, positions);
        }
    }

    /** Queries, keys and scales; not a number where no position is. */
    private static void fill(AttentionTile tile, int index, int last) {
        tile.setQueries(2, 7, TestTensors.floats(7 * tile.headDim + 1, -2, 2, 13), 1);
        float[] keys = TestTensors.floats(tile.headDim * POSITIONS, -2, 2, 14 + index);
        System.arraycopy(keys, 0, tile.data(), 0, keys.length);
        System.arraycopy(TestTensors.floats(POSITIONS, 0, 2, 24 + index), 0, tile.keyScales(), 0, POSITIONS);
        System.arraycopy(TestTensors.floats(POSITIONS, 0, 2, 34 + index), 0, tile.valueScales(), 0, POSITIONS);
        for (int p = last; index == 2 && p < POSITIONS; p++) {
            tile.data()[p / 16 * tile.headDim * 16 + p % 16] = Float.NaN;
            tile.keyScales()[p] = Float.NaN;
        }
    }

    private static void fillValues(AttentionTile tile, int index) {
        for (int p = 0; p < POSITIONS; p++) {
            float[] value = TestTensors.floats(tile.headDim, -2, 2, 100L * index + p);
            System.arraycopy(value, 0, tile.data(), p * tile.valueStride(), tile.headDim);
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    void readsTheCacheAsTheReference(KvType type) {
        for (int count : new int[]{1, 7, 16, 100, 1024}) {
            MemorySegment source = Arena.ofAuto().allocate((long) type.bytes() * (count + 1));
            for (int i = 0; i < source.byteSize(); i++) {
                source.set(ValueLayout.JAVA_BYTE, i, (byte) (i * 37 + i / 7));
            }
            float[] expected = new float[count + 1];
            float[] actual = new float[count + 1];
            SCALAR.toFloats(type, source, type.bytes(), count, expected, 1);
            kernels.toFloats(type, source, type.bytes(), count, actual, 1);
            assertSameBits(actual, expected);
        }
    }

    @Test
    void readsEveryHalfAsTheLanguageDoes() {
        assertSameBits(cached(KvType.F16), half -> Float.float16ToFloat((short) half));
        assertSameBits(cached(KvType.BF16), half -> Float.intBitsToFloat(half << 16));
    }

    /** What the kernels make of all 65,536 values of two bytes. */
    private float[] cached(KvType type) {
        int count = 1 << 16;
        MemorySegment source = Arena.ofAuto().allocate(2L * count);
        for (int i = 0; i < count; i++) {
            source.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) i);
        }
        float[] values = new float[count];
        kernels.toFloats(type, source, 0, count, values, 0);
        return values;
    }

    private static void assertSameBits(float[] actual, IntToFloat expected) {
        float[] values = new float[actual.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = expected.apply(i);
        }
        assertSameBits(actual, values);
    }

    @FunctionalInterface
    private interface IntToFloat {
        float apply(int i);
    }

    private static float[] multiply(Kernels kernels, Tensor weights, int first, int outputs, float[] x, int rows) {
        float[] y = new float[rows * weights.rows()];
        kernels.multiply(weights, first, outputs, x, Kernels.padded(weights.cols()), rows, y, first, weights.rows(),
                new KernelScratch());
        return y;
    }

    private static void assertSameBits(float[] actual, float[] expected) {
        assertThat(TestTensors.bits(actual)).isEqualTo(TestTensors.bits(expected));
    }
}
