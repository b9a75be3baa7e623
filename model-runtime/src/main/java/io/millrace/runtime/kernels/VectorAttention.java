package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.Kernels.LANES;
import static io.millrace.runtime.kernels.Lanes.FLOATS;
import static io.millrace.runtime.kernels.Lanes.LENGTH;
import static io.millrace.runtime.kernels.Lanes.load;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** {@link Kernels#attend}: four queries at a time share the loads of keys and values. */
final class VectorAttention {
    private VectorAttention() {}

    static void attend(AttentionTile tile, float[] queries, int queryOffset, int first, int count, int positions) {
        int query = 0;
        for (; query + 4 <= count; query += 4) {
            scores4(tile, queries, queryOffset + query * tile.headDim);
            for (int i = 0; i < 4; i++) {
                softmax(tile, i, first + query + i, positions);
            }
            values4(tile, first + query, positions);
        }
        for (; query < count; query++) {
            scores1(tile, queries, queryOffset + query * tile.headDim);
            softmax(tile, 0, first + query, positions);
            values1(tile, first + query, positions);
        }
    }

    private static void scores4(AttentionTile tile, float[] queries, int at) {
        float[] keys = tile.keys;
        int headDim = tile.headDim;
        for (int part = 0; part < LANES; part += LENGTH) {
            FloatVector s0 = FloatVector.zero(FLOATS);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            for (int i = 0; i < headDim; i++) {
                FloatVector key = load(keys, i * LANES + part);
                s0 = key.fma(FloatVector.broadcast(FLOATS, queries[at + i]), s0);
                s1 = key.fma(FloatVector.broadcast(FLOATS, queries[at + headDim + i]), s1);
                s2 = key.fma(FloatVector.broadcast(FLOATS, queries[at + 2 * headDim + i]), s2);
                s3 = key.fma(FloatVector.broadcast(FLOATS, queries[at + 3 * headDim + i]), s3);
            }
            s0.intoArray(tile.weights, part);
            s1.intoArray(tile.weights, LANES + part);
            s2.intoArray(tile.weights, 2 * LANES + part);
            s3.intoArray(tile.weights, 3 * LANES + part);
        }
    }

    private static void scores1(AttentionTile tile, float[] queries, int at) {
        float[] keys = tile.keys;
        for (int part = 0; part < LANES; part += LENGTH) {
            FloatVector s = FloatVector.zero(FLOATS);
            for (int i = 0; i < tile.headDim; i++) {
                s = load(keys, i * LANES + part).fma(FloatVector.broadcast(FLOATS, queries[at + i]), s);
            }
            s.intoArray(tile.weights, part);
        }
    }

    /** Turns the scores of query {@code index} of the tile into weights and takes them into its running softmax. */
    private static void softmax(AttentionTile tile, int index, int state, int positions) {
        float[] weights = tile.weights;
        int at = index * LANES;
        if (positions < LANES) {
            Arrays.fill(weights, at + positions, at + LANES, Float.NEGATIVE_INFINITY);
        }
        float before = tile.max[state];
        float max = before;
        for (int part = 0; part < LANES; part += LENGTH) {
            max = Math.max(max, load(weights, at + part).reduceLanes(VectorOperators.MAX));
        }
        float correction = ScalarKernels.exp(before - max);
        tile.max[state] = max;
        tile.corrections[index] = correction;
        Lanes.exp(weights, at, LANES, 1, -max);
        for (int part = 0; part < LANES; part += LENGTH) {
            int sum = state * LANES + part;
            load(tile.sum, sum).fma(FloatVector.broadcast(FLOATS, correction), load(weights, at + part))
                    .intoArray(tile.sum, sum);
        }
    }

    private static void values4(AttentionTile tile, int state, int positions) {
        float[] weights = tile.weights;
        float[] values = tile.values;
        float[] out = tile.out;
        int stride = tile.valueStride;
        int at = state * stride;
        for (int i = 0; i < stride; i += LENGTH) {
            FloatVector o0 = load(out, at + i).mul(tile.corrections[0]);
            FloatVector o1 = load(out, at + stride + i).mul(tile.corrections[1]);
            FloatVector o2 = load(out, at + 2 * stride + i).mul(tile.corrections[2]);
            FloatVector o3 = load(out, at + 3 * stride + i).mul(tile.corrections[3]);
            for (int p = 0; p < positions; p++) {
                FloatVector value = load(values, p * stride + i);
                o0 = value.fma(FloatVector.broadcast(FLOATS, weights[p]), o0);
                o1 = value.fma(FloatVector.broadcast(FLOATS, weights[LANES + p]), o1);
                o2 = value.fma(FloatVector.broadcast(FLOATS, weights[2 * LANES + p]), o2);
                o3 = value.fma(FloatVector.broadcast(FLOATS, weights[3 * LANES + p]), o3);
            }
            o0.intoArray(out, at + i);
            o1.intoArray(out, at + stride + i);
            o2.intoArray(out, at + 2 * stride + i);
            o3.intoArray(out, at + 3 * stride + i);
        }
    }

    private static void values1(AttentionTile tile, int state, int positions) {
        float[] weights = tile.weights;
        int stride = tile.valueStride;
        int at = state * stride;
        for (int i = 0; i < stride; i += LENGTH) {
            FloatVector o = load(tile.out, at + i).mul(tile.corrections[0]);
            for (int p = 0; p < positions; p++) {
                o = load(tile.values, p * stride + i).fma(FloatVector.broadcast(FLOATS, weights[p]), o);
            }
            o.intoArray(tile.out, at + i);
        }
    }
}
