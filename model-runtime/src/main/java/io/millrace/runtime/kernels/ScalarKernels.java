package io.millrace.runtime.kernels;

import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackedMatrix;
import io.millrace.runtime.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The reference: plain loops, nothing but the language. */
public final class ScalarKernels implements Kernels {

    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public void dequantize(Tensor weights, int row, int from, int count, float[] out, int outOffset) {
        ScalarDequantizer.dequantize(weights, row, from, count, out, outOffset);
    }

    @Override
    public void multiply(Tensor weights, int first, int outputs, float[] x, int xStride, int rows, float[] y,
            int yOffset, int yStride, KernelScratch memory) {
        float[] scratch = memory.floats;
        int cols = weights.cols();
        for (int n = first; n < first + outputs; n++) {
            for (int rowBlock = 0; rowBlock < rows; rowBlock += MultiplyTiling.ROWS) {
                int rowCount = Math.min(MultiplyTiling.ROWS, rows - rowBlock);
                Arrays.fill(scratch, MultiplyTiling.WEIGHTS, MultiplyTiling.WEIGHTS + rowCount * LANES, 0);
                for (int from = 0; from < cols; from += MultiplyTiling.PANEL) {
                    int count = Math.min(MultiplyTiling.PANEL, cols - from);
                    int padded = Kernels.padded(count);
                    dequantize(weights, n, from, count, scratch, 0);
                    Arrays.fill(scratch, count, padded, 0);
                    for (int r = 0; r < rowCount; r++) {
                        int lanes = MultiplyTiling.WEIGHTS + r * LANES;
                        int xOffset = (rowBlock + r) * xStride + from;
                        for (int k = 0; k < padded; k += LANES) {
                            for (int j = 0; j < LANES; j++) {
                                scratch[lanes + j] = Math.fma(scratch[k + j], x[xOffset + k + j], scratch[lanes + j]);
                            }
                        }
                    }
                }
                for (int r = 0; r < rowCount; r++) {
                    y[yOffset + (rowBlock + r) * yStride + n - first] = MultiplyTiling.sumLanes(scratch,
                            MultiplyTiling.WEIGHTS + r * LANES);
                }
            }
        }
    }

    @Override
    public void multiply(PackedMatrix weights, int tile, Activations x, int rows, float[] y, int yOffset,
            int yStride, KernelScratch scratch) {
        ScalarPackedMultiply.multiply(weights, tile, x, rows, y, yOffset, yStride);
    }

    @Override
    public void round(Activations x, int row, int from, int count, KernelScratch scratch) {
        int[] rounded = scratch.rounded;
        for (int block = from / Activations.BLOCK; block < (from + count) / Activations.BLOCK; block++) {
            int at = row * x.stride() + block * Activations.BLOCK;
            int bits = 0;
            for (int k = 0; k < Activations.BLOCK; k++) {
                bits = Math.max(bits, Float.floatToRawIntBits(x.values()[at + k]) & Rounding.MAGNITUDE);
            }
            float largest = Float.intBitsToFloat(bits);
            float inverse = Rounding.inverse(largest);
            for (int k = 0; k < Activations.BLOCK; k++) {
                rounded[k] = Float.floatToRawIntBits(Math.fma(x.values()[at + k], inverse, Rounding.ROUNDER))
                        - Rounding.ROUNDER_BITS;
            }
            Rounding.store(x, row, block, largest, rounded);
        }
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, int width, float[] weight, float eps, float[] y, int yOffset) {
        float[] lanes = new float[LANES];
        for (int k = 0; k < width; k++) {
            float value = x[xOffset + k];
            lanes[k % LANES] = Math.fma(value, value, lanes[k % LANES]);
        }
        float scale = rmsScale(MultiplyTiling.sumLanes(lanes, 0), width, eps);
        for (int k = 0; k < width; k++) {
            y[yOffset + k] = x[xOffset + k] * scale * weight[k];
        }
    }

    static float rmsScale(float sumOfSquares, int width, float eps) {
        return 1 / (float) Math.sqrt(sumOfSquares / width + eps);
    }

    @Override
    public void swiGlu(float[] gate, int gateOffset, float[] up, int upOffset, int width) {
        for (int i = 0; i < width; i++) {
            gate[gateOffset + i] = swiGlu(gate[gateOffset + i], up[upOffset + i]);
        }
    }

    static float swiGlu(float gate, float up) {
        return gate * up / (1 + exp(-gate));
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int width) {
        for (int i = 0; i < width; i++) {
            x[xOffset + i] += y[yOffset + i];
        }
    }

    @Override
    public void toFloats(KvType type, MemorySegment source, long byteOffset, int count, float[] out, int outOffset) {
        ScalarKvReader.toFloats(type, source, byteOffset, count, out, outOffset);
    }

    @Override
    public void attendKeys(AttentionTile tile, int first, int count, int positions) {
        ScalarAttention.attendKeys(tile, first, count, positions);
    }

    @Override
    public void attendValues(AttentionTile tile, int first, int count, int positions) {
        ScalarAttention.attendValues(tile, first, count, positions);
    }

    static final float LOG2_E = 1.442695f;
    /** ln 2 in two parts; the high one has trailing zero bits, so that n * LN2_HIGH is exact. */
    static final float LN2_HIGH = 0x1.63p-1f;
    static final float LN2_LOW = -2.1219444e-4f;
    /** Beyond these exp is 0 and infinity. */
    static final float EXP_MIN = -104;
    static final float EXP_MAX = 89;
    /** Adding 1.5 * 2^23 leaves the nearest integer in the low bits. */
    static final float ROUNDER = 12_582_912f;
    static final int ROUNDER_BITS = 0x4B40_0000;
    /** Minimax coefficients of (exp(r) - 1 - r) / r^2 on |r| <= ln(2) / 2, highest power first (Cephes, expf). */
    static final float C5 = 1.9875691e-4f;
    static final float C4 = 1.3981999e-3f;
    static final float C3 = 8.333452e-3f;
    static final float C2 = 4.1665796e-2f;
    static final float C1 = 0.16666666f;
    static final float C0 = 0.5f;

    /**
     * The exponential that every kernel uses, within 2 units in the last place: exp(x) = 2^n exp(r) with n the integer
     * nearest to x / ln 2. 2^n is applied in two steps, so that results below the normal range round once.
     */
    public static float exp(float x) {
        float clamped = Math.min(Math.max(x, EXP_MIN), EXP_MAX);
        float shifted = Math.fma(clamped, LOG2_E, ROUNDER);
        float n = shifted - ROUNDER;
        float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, clamped));
        float p = C5;
        p = Math.fma(p, r, C4);
        p = Math.fma(p, r, C3);
        p = Math.fma(p, r, C2);
        p = Math.fma(p, r, C1);
        p = Math.fma(p, r, C0);
        p = Math.fma(p * r, r, r) + 1;
        int exponent = Float.floatToRawIntBits(shifted) - ROUNDER_BITS;
        int half = exponent >> 1;
        return p * powerOfTwo(half) * powerOfTwo(exponent - half);
    }

    private static float powerOfTwo(int n) {
        return Float.intBitsToFloat((n + 127) << 23);
    }
}
