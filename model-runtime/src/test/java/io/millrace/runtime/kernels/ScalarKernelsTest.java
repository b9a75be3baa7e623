package io.millrace.runtime.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The reference itself, against values worked out by hand. */
class ScalarKernelsTest {
    private final Kernels kernels = new ScalarKernels();

    @Test
    void expIsWithinTwoUnitsInTheLastPlace() {
        for (float x = -87; x < 88.7f; x += 0.0013f) {
            double exact = Math.exp(x);
            assertThat((double) ScalarKernels.exp(x)).as("exp(%s)", x).isCloseTo(exact,
                    within(2.0 * Math.ulp((float) exact)));
        }
        for (float x = -103.9f; x < -87; x += 0.0013f) { // below the normal range
            assertThat((double) ScalarKernels.exp(x)).as("exp(%s)", x).isCloseTo(Math.exp(x),
                    within(2.0 * Float.MIN_VALUE));
        }
    }

    @Test
    void expOfTheEndsAndOfZero() {
        assertThat(ScalarKernels.exp(0)).isEqualTo(1f);
        assertThat(ScalarKernels.exp(-0f)).isEqualTo(1f);
        assertThat(ScalarKernels.exp(Float.NEGATIVE_INFINITY)).isZero();
        assertThat(ScalarKernels.exp(-1e30f)).isZero();
        assertThat(ScalarKernels.exp(89)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ScalarKernels.exp(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ScalarKernels.exp(Float.NaN)).isNaN();
    }

    @Test
    void plainTypes() {
        assertThat(values(TensorType.F32, 0x00, 0x00, 0xc0, 0x3f, 0x00, 0x00, 0x00, 0xc1)).containsExactly(1.5f, -8f);
        assertThat(values(TensorType.F16, 0x00, 0x3e, 0x01, 0x00)).containsExactly(1.5f, 0x1p-24f);
        assertThat(values(TensorType.BF16, 0xc0, 0x3f, 0x00, 0xc1)).containsExactly(1.5f, -8f);
    }

    @Test
    void q80IsScaleTimesByte() {
        int[] block = half(0.5f, 34);
        block[2] = 127;
        block[3] = 0x80; // -128
        block[33] = 0xff; // -1
        float[] values = values(TensorType.Q8_0, block);
        assertThat(values[0]).isEqualTo(63.5f);
        assertThat(values[1]).isEqualTo(-64f);
        assertThat(values[2]).isZero();
        assertThat(values[31]).isEqualTo(-0.5f);
    }

    @Test
    void q40HoldsTheSecondHalfInHighNibbles() {
        int[] block = half(2, 18);
        block[2] = 0xf0;
        block[17] = 0x19;
        float[] values = values(TensorType.Q4_0, block);
        assertThat(values[0]).isEqualTo(-16f);
        assertThat(values[16]).isEqualTo(14f);
        assertThat(values[15]).isEqualTo(2f);
        assertThat(values[31]).isEqualTo(-14f);
        assertThat(values[1]).isEqualTo(-16f);
    }

    /** Scales 1, 2, 3, 4 and 33, 34, 35, 36; minima 5, 6, 7, 8 and 45, 46, 47, 63. */
    private static void packScales(int[] block, int at) {
        int[] packed = {0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0xc8, 0xd1, 0xe2, 0xf3, 0xf4};
        System.arraycopy(packed, 0, block, at, 12);
    }

    private static final int[] SCALES = {1, 2, 3, 4, 33, 34, 35, 36};
    private static final int[] MINIMA = {5, 6, 7, 8, 45, 46, 47, 63};

    @Test
    void q4kHasEightGroupsWithScaleAndMinimum() {
        int[] block = half(0.5f, 144);
        block[2] = 0x00;
        block[3] = 0x34; // dmin 0.25
        packScales(block, 4);
        for (int i = 16; i < 144; i++) {
            block[i] = 0xa3;
        }
        float[] values = values(TensorType.Q4_K, block);
        for (int i = 0; i < 256; i++) {
            int group = i / 32;
            int quant = group % 2 == 0 ? 3 : 10;
            assertThat(values[i]).isEqualTo(0.5f * SCALES[group] * quant - 0.25f * MINIMA[group]);
        }
    }

    @Test
    void q5kHasAFifthBitPerGroup() {
        int[] block = half(0.5f, 176);
        block[2] = 0x00;
        block[3] = 0x34;
        packScales(block, 4);
        for (int i = 16; i < 48; i++) {
            block[i] = 0b1001_0110; // groups 1, 2, 4, 7
        }
        for (int i = 48; i < 176; i++) {
            block[i] = 0xa3;
        }
        float[] values = values(TensorType.Q5_K, block);
        for (int i = 0; i < 256; i++) {
            int group = i / 32;
            int quant = (group % 2 == 0 ? 3 : 10) + (group == 1 || group == 2 || group == 4 || group == 7 ? 16 : 0);
            assertThat(values[i]).isEqualTo(0.5f * SCALES[group] * quant - 0.25f * MINIMA[group]);
        }
    }

    @Test
    void q6kHasSixteenSignedScales() {
        int[] block = new int[210];
        for (int i = 0; i < 128; i++) {
            block[i] = i % 64 < 32 ? 0xa3 : 0x5c;
        }
        for (int i = 128; i < 192; i++) {
            block[i] = 0b11_10_01_00;
        }
        for (int i = 0; i < 16; i++) {
            block[192 + i] = i - 8 & 0xff;
        }
        block[209] = 0x38; // d 0.5
        int[] quants = {3, 16 + 12, 32 + 10, 48 + 5};
        float[] values = values(TensorType.Q6_K, block);
        for (int i = 0; i < 256; i++) {
            assertThat(values[i]).isEqualTo(0.5f * (i / 16 - 8) * (quants[i / 32 % 4] - 32));
        }
    }

    @Test
    void lanesAreAddedPairwise() {
        float[] lanes = new float[17];
        lanes[1] = 1e8f;
        lanes[9] = -1e8f; // cancels lane 0 first, so that the small ones survive
        lanes[2] = 0.25f;
        lanes[16] = 0.5f;
        assertThat(MultiplyTiling.sumLanes(lanes, 1)).isEqualTo(0.75f);
    }

    @Test
    void attentionIsTheSoftmaxWeightedMeanOfTheValues() {
        AttentionTile tile = new AttentionTile(2, 1, false);
        tile.begin(1);
        tile.setQueries(0, 1, new float[]{3, 1}, 0);
        tile.data()[0] = 1; // position 0: (1, 0)
        tile.data()[16 + 1] = 2; // position 1: (0, 2)
        kernels.attendKeys(tile, 0, 1, 2);
        Arrays.fill(tile.data(), 0);
        tile.data()[0] = 10;
        tile.data()[tile.valueStride()] = 20;
        tile.data()[tile.valueStride() + 1] = 1;
        kernels.attendValues(tile, 0, 1, 2);
        float[] out = new float[2];
        tile.finish(0, out, 0);
        double second = 1 / (1 + Math.exp(1)); // scores 3 and 2
        assertThat((double) out[0]).isCloseTo(10 + 10 * second, within(1e-5));
        assertThat((double) out[1]).isCloseTo(second, within(1e-6));
    }

    @Test
    void keysAndValuesAreMultipliedByTheirScales() {
        AttentionTile tile = new AttentionTile(2, 1, true);
        tile.begin(1);
        tile.setQueries(0, 1, new float[]{3, 1}, 0);
        tile.data()[0] = 10;
        tile.data()[16 + 1] = 10;
        tile.keyScales()[0] = 0.1f;
        tile.keyScales()[1] = 0.2f;
        tile.valueScales()[0] = 10;
        tile.valueScales()[1] = 5;
        kernels.attendKeys(tile, 0, 1, 2);
        Arrays.fill(tile.data(), 0);
        tile.data()[0] = 1;
        tile.data()[tile.valueStride()] = 4;
        kernels.attendValues(tile, 0, 1, 2);
        float[] out = new float[2];
        tile.finish(0, out, 0);
        double second = 1 / (1 + Math.exp(1)); // scores 3 and 2
        assertThat((double) out[0]).isCloseTo(10 + 10 * second, within(1e-5));
    }

    private static int[] half(float d, int bytes) {
        int[] block = new int[bytes];
        int bits = Float.floatToFloat16(d) & 0xffff;
        block[0] = bits & 0xff;
        block[1] = bits >> 8;
        return block;
    }

    private float[] values(TensorType type, int... bytes) {
        MemorySegment data = Arena.ofAuto().allocate(bytes.length);
        for (int i = 0; i < bytes.length; i++) {
            data.set(ValueLayout.JAVA_BYTE, i, (byte) bytes[i]);
        }
        int cols = bytes.length / type.blockBytes() * type.blockSize();
        float[] values = new float[cols];
        kernels.dequantize(new Tensor("test", type, 1, cols, data), 0, 0, cols, values, 0);
        return values;
    }
}
