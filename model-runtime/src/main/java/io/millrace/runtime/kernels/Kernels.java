package io.millrace.runtime.kernels;

import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackedMatrix;
import io.millrace.runtime.weights.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * The arithmetic of a decoder, for rows of f32 activations on the heap and weights in native or mapped memory. Every
 * operation rounds in one fixed order, written down at each method, so implementations agree bit for bit, and a row's result
 * does not depend on how many rows, tasks or threads there are.
 *
 * <p>
 * Sums run in {@link #LANES} lanes, except in products with packed matrices: lane {@code j} takes the terms {@code k = j (mod 16)} in ascending order, then the lanes
 * are added pairwise: {@code j} and {@code j + 8}, then {@code j + 4}, {@code j + 2}, {@code j + 1}.
 *
 * <p>
 * Rows of activations that are read by {@link #multiply} and {@link #rmsNorm} are {@link #padded}: the values behind the
 * last column, up to the next multiple of 16, are zeros. Implementations have no state and may be shared by threads.
 */
public interface Kernels {
    /** Lanes of every sum; also positions of a block of keys. */
    int LANES = 16;

    /** {@code width} rounded up to a multiple of {@link #LANES}. */
    static int padded(int width) {
        return (width + LANES - 1) & -LANES;
    }

    /** For the log, for instance {@code vector (512 bit)}. */
    String name();

    /**
     * Writes columns {@code from .. from + count - 1} of a row of weights to {@code out}, as f32. Block types give exactly
     * the values of ggml's reference: all products {@code scale * quant} are exact in f32, and where a type has minima
     * (Q4_K, Q5_K) the difference is rounded once.
     *
     * @param from a multiple of the type's block size
     * @param count a multiple of the type's block size
     */
    void dequantize(Tensor weights, int row, int from, int count, float[] out, int outOffset);

    /**
     * Some outputs of a product with a matrix of F32, F16 or BF16: for each row {@code r < rows} and each {@code n} in
     * {@code first .. first + outputs - 1}, {@code y[yOffset + r * yStride + n - first]} becomes the sum over {@code k} of
     * {@code weights[n][k] * x[r * xStride + k]}: fused multiply-adds in 16 lanes.
     *
     * @param xStride at least {@code padded(weights.cols())}
     * @param scratch of this thread
     */
    void multiply(Tensor weights, int first, int outputs, float[] x, int xStride, int rows, float[] y, int yOffset,
            int yStride, KernelScratch scratch);

    /**
     * The outputs of one tile of a packed matrix: for each row {@code r < rows} and each {@code n} of the tile's 64 rows that
     * the matrix has, {@code y[yOffset + r * yStride + n]} becomes the sum over the columns of weight times activation, from 0
     * in ascending order.
     *
     * <p>
     * Q8_0: for each block of 32 columns {@code p = fma(quant * 2^24, x, p)} from 0, column by column, then
     * {@code sum = fma(p, scale * 2^-24, sum)}; the factor is there because quants are converted where they lie in an int.
     *
     * <p>
     * Types whose layout {@link io.millrace.runtime.packing.PackedLayout#integers() has integer products}: of the activations as
     * {@link #round} left them. For each run of 32 columns where quants have 4 bits, else of 16, the whole number {@code t},
     * the sum of {@code (quant - zero)} times the rounded activations, is exact in whatever order; then
     * {@code sum = fma(a * t, scale, sum)}, {@code a} the activations' scale. Behind each block of a type with minima
     * {@code sum = fma(offset, scaled sum of the activations, sum)}, where {@code offset = fma(scale, zero, -minimum)}.
     *
     * @param scratch of this thread
     */
    void multiply(PackedMatrix weights, int tile, Activations x, int rows, float[] y, int yOffset, int yStride,
            KernelScratch scratch);

    /**
     * Rounds blocks of 32 activations to whole numbers from -127 to 127, to nearest, ties to even, of the block's largest
     * magnitude divided by 127; blocks in which that is below 2^-100 become zeros.
     *
     * @param x that {@link Activations#rounds}
     * @param from the first column, a multiple of 32
     * @param count columns, a multiple of 32
     * @param scratch of this thread
     */
    void round(Activations x, int row, int from, int count, KernelScratch scratch);

    /**
     * RMSNorm (Zhang and Sennrich 2019) of one row: {@code y = (x * (1 / sqrt(sum(x * x) / width + eps))) * weight}, the sum
     * by fused multiply-adds in 16 lanes. Writes {@code width} values.
     */
    void rmsNorm(float[] x, int xOffset, int width, float[] weight, float eps, float[] y, int yOffset);

    /**
     * SwiGLU (Shazeer 2020): {@code gate = gate * up / (1 + exp(-gate))}, with {@link ScalarKernels#exp}. What is left in
     * {@code up} is undefined.
     */
    void swiGlu(float[] gate, int gateOffset, float[] up, int upOffset, int width);

    /** {@code x += y}. */
    void add(float[] x, int xOffset, float[] y, int yOffset, int width);

    /** Converts {@code count} values of the KV cache, at a byte offset of native memory, to f32; q8 without its scales. */
    void toFloats(KvType type, MemorySegment source, long byteOffset, int count, float[] out, int outOffset);

    /**
     * Takes the first {@code positions} keys of the tile into the running softmax of {@code count} queries (Milakov and
     * Gimelshein 2018). For each query: scores are sums over the head's values in ascending order, by fused multiply-add,
     * then multiplied by the key's scale, if keys have scales; the maximum and its correction {@code c = exp(old - new)} are
     * taken once per tile; weights are {@code p = exp(score - new)}; their sum is kept in 16 lanes, {@code sum = fma(sum, c, p)}
     * for the tile's first 16 positions, {@code sum = sum + p} for the others in ascending order; then, if values have
     * scales, the weight is multiplied by the value's scale.
     *
     * @param first the tile's first query that takes part
     */
    void attendKeys(AttentionTile tile, int first, int count, int positions);

    /**
     * Adds the first {@code positions} values of the tile, with the weights that {@link #attendKeys} left for the same
     * queries and positions: {@code out = out * c}, then one fused multiply-add per position, ascending.
     */
    void attendValues(AttentionTile tile, int first, int count, int positions);
}
