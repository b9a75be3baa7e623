package io.millrace.runtime.kernels;

import java.util.Arrays;

/**
 * Working memory of attention for one worker: the keys, then the values of one head for {@link #POSITIONS} positions, and
 * the running softmax of up to {@code maxQueries} queries. Use: {@link #begin} and {@link #setQueries}; then for each tile of
 * positions in order fill {@link #data()} with keys and call {@link Kernels#attendKeys}, fill it with values and call
 * {@link Kernels#attendValues}; then {@link #finish}.
 */
public final class AttentionTile {
    /** Positions of a tile: the softmax takes them in at once. */
    public static final int POSITIONS = 64;

    /** Distances of two positions' values are multiples of this: four vectors of the widest kind. */
    private static final int VALUE_UNIT = 64;

    final int headDim;
    /** Distance of two positions' values in {@link #data}. */
    final int valueStride;
    /** Whether keys and values are to be multiplied by scales. */
    final boolean scaled;
    final float[] data;
    final float[] keyScales = new float[POSITIONS];
    final float[] valueScales = new float[POSITIONS];
    final float[] queries;
    /** Scores, then weights, {@link #POSITIONS} per query. */
    final float[] weights;
    /** Largest score so far of each query. */
    final float[] max;
    /** What the tile's new maximum multiplies the earlier sums of each query by. */
    final float[] corrections;
    /** Sums of weights of each query, in lanes. */
    final float[] sum;
    /** Weighted sums of values of each query, {@link #valueStride} each; what lies behind {@code headDim} is undefined. */
    final float[] out;

    /**
     * @param scaled whether keys and values come with scales
     */
    public AttentionTile(int headDim, int maxQueries, boolean scaled) {
        this.headDim = headDim;
        this.scaled = scaled;
        valueStride = (headDim + VALUE_UNIT - 1) & -VALUE_UNIT;
        data = new float[POSITIONS * valueStride];
        queries = new float[maxQueries * headDim];
        weights = new float[maxQueries * POSITIONS];
        max = new float[maxQueries];
        corrections = new float[maxQueries];
        sum = new float[maxQueries * Kernels.LANES];
        out = new float[maxQueries * valueStride];
    }

    /**
     * Keys, {@code [position / 16][headDim][position % 16]}, or values, {@code [position][valueStride()]}. What lies behind
     * the positions that are attended to, and behind a position's {@code headDim} values, may be anything.
     */
    public float[] data() {
        return data;
    }

    /** Scales of the keys, one per position. */
    public float[] keyScales() {
        return keyScales;
    }

    /** Scales of the values, one per position. */
    public float[] valueScales() {
        return valueScales;
    }

    /** Distance of two positions' values, at least {@code headDim}. */
    public int valueStride() {
        return valueStride;
    }

    /** Starts the softmax of the first {@code count} queries. */
    public void begin(int count) {
        Arrays.fill(max, 0, count, Float.NEGATIVE_INFINITY);
        Arrays.fill(sum, 0, count * Kernels.LANES, 0);
        Arrays.fill(out, 0, count * valueStride, 0);
    }

    /** Sets {@code count} queries from {@code first} on, rotated and scaled, {@code headDim} values each. */
    public void setQueries(int first, int count, float[] source, int offset) {
        System.arraycopy(source, offset, queries, first * headDim, count * headDim);
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
