package io.millrace.runtime.kernels;

import java.util.Arrays;

/**
 * Working memory of attention for one worker: the keys and values of one head for 16 positions, and the running softmax of
 * up to {@code maxQueries} queries. Use: {@link #begin}, then for each block of positions in order fill {@link #keys()} and
 * {@link #values()} and call {@link Kernels#attend}, then {@link #finish}.
 */
public final class AttentionTile {
    final int headDim;
    /** Distance of two positions in {@link #values}. */
    final int valueStride;
    final float[] keys;
    final float[] values;
    /** Largest score so far of each query. */
    final float[] max;
    /** Sums of weights of each query, in lanes. */
    final float[] sum;
    /** Weighted sums of values of each query, {@link #valueStride} each. */
    final float[] out;
    /** Scores, then weights, of the queries that are worked on together. */
    final float[] weights = new float[QUERIES * Kernels.LANES];

    /** What the tile's new maximum multiplies the earlier sums of those queries by. */
    final float[] corrections = new float[QUERIES];

    /** Queries that are worked on together. */
    static final int QUERIES = 4;

    public AttentionTile(int headDim, int maxQueries) {
        this.headDim = headDim;
        valueStride = Kernels.padded(headDim);
        keys = new float[headDim * Kernels.LANES];
        values = new float[Kernels.LANES * valueStride];
        max = new float[maxQueries];
        sum = new float[maxQueries * Kernels.LANES];
        out = new float[maxQueries * valueStride];
    }

    /** Keys, {@code [headDim][16 positions]}. */
    public float[] keys() {
        return keys;
    }

    /** Values, {@code [16 positions][valueStride()]}; what lies behind {@code headDim} stays zero. */
    public float[] values() {
        return values;
    }

    /** {@code headDim} rounded up to a multiple of {@link Kernels#LANES}. */
    public int valueStride() {
        return valueStride;
    }

    /** Starts the softmax of the first {@code queries} queries. */
    public void begin(int queries) {
        Arrays.fill(max, 0, queries, Float.NEGATIVE_INFINITY);
        Arrays.fill(sum, 0, queries * Kernels.LANES, 0);
        Arrays.fill(out, 0, queries * valueStride, 0);
    }

    /** Writes the attention of a query, {@code headDim} values: the weighted sum times the inverse of the sum of weights. */
    public void finish(int query, float[] target, int offset) {
        float inverse = 1 / MultiplyTiling.sumLanes(sum, query * Kernels.LANES);
        int from = query * valueStride;
        for (int i = 0; i < headDim; i++) {
            target[offset + i] = out[from + i] * inverse;
        }
    }
}
