package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.AttentionTile.POSITIONS;
import static io.millrace.runtime.kernels.Kernels.LANES;
import static io.millrace.runtime.kernels.Lanes.FLOATS;
import static io.millrace.runtime.kernels.Lanes.LENGTH;
import static io.millrace.runtime.kernels.Lanes.load;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * {@link Kernels#attendKeys} and {@link Kernels#attendValues}. Queries share the loads of keys and values: four at a time
 * where there are 32 vector registers (16 sums, 4 keys and a query), two where there are 16 (8 sums). Each group of queries
 * has a method of its own, too large to be inlined, because the compiler keeps vectors in registers only while a method is
 * small enough; for the same reason the softmax is computed query by query.
 */
final class VectorAttention {
    /** Lanes that are worked on together. */
    private static final int UNIT = 4 * LENGTH;

    private VectorAttention() {}

    static void attendKeys(AttentionTile tile, int first, int count, int positions) {
        for (int part = 0; part < positions; part += UNIT) {
            int query = first;
            int end = first + count;
            if (Lanes.WIDE) {
                for (; query + 4 <= end; query += 4) {
                    scores4(tile, query, part);
                }
            }
            for (; query + 2 <= end; query += 2) {
                scores2(tile, query, part);
            }
            if (query < end) {
                scores1(tile, query, part);
            }
        }
        for (int query = first; query < first + count; query++) {
            subtractMax(tile, query, positions);
        }
        Lanes.exp(tile.weights, first * POSITIONS, count * POSITIONS, 1, 0);
        for (int query = first; query < first + count; query++) {
            addWeights(tile, query);
        }
    }

    static void attendValues(AttentionTile tile, int first, int count, int positions) {
        for (int query = first; query < first + count; query++) {
            correct(tile, query);
        }
        for (int i = 0; i < tile.headDim; i += UNIT) {
            int query = first;
            int end = first + count;
            if (Lanes.WIDE) {
                for (; query + 4 <= end; query += 4) {
                    values4(tile, query, i, positions);
                }
            }
            for (; query + 2 <= end; query += 2) {
                values2(tile, query, i, positions);
            }
            if (query < end) {
                values1(tile, query, i, positions);
            }
        }
    }

    /** Where the keys of a position begin in the tile. */
    private static int keys(AttentionTile tile, int position) {
        return position / LANES * tile.headDim * LANES + position % LANES;
    }

    private static void scores4(AttentionTile tile, int query, int part) {
        float[] keys = tile.data;
        float[] queries = tile.queries;
        int headDim = tile.headDim;
        int k0 = keys(tile, part);
        int k1 = keys(tile, part + 1 * LENGTH);
        int k2 = keys(tile, part + 2 * LENGTH);
        int k3 = keys(tile, part + 3 * LENGTH);
        int q0 = query * headDim;
        int q1 = q0 + headDim;
        int q2 = q1 + headDim;
        int q3 = q2 + headDim;
        FloatVector a0 = FloatVector.zero(FLOATS);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        FloatVector c0 = a0;
        FloatVector c1 = a0;
        FloatVector c2 = a0;
        FloatVector c3 = a0;
        FloatVector d0 = a0;
        FloatVector d1 = a0;
        FloatVector d2 = a0;
        FloatVector d3 = a0;
        for (int i = 0; i < headDim; i++) {
            FloatVector key0 = load(keys, k0 + i * LANES);
            FloatVector key1 = load(keys, k1 + i * LANES);
            FloatVector key2 = load(keys, k2 + i * LANES);
            FloatVector key3 = load(keys, k3 + i * LANES);
            FloatVector x = FloatVector.broadcast(FLOATS, queries[q0 + i]);
            a0 = key0.fma(x, a0);
            a1 = key1.fma(x, a1);
            a2 = key2.fma(x, a2);
            a3 = key3.fma(x, a3);
            x = FloatVector.broadcast(FLOATS, queries[q1 + i]);
            b0 = key0.fma(x, b0);
            b1 = key1.fma(x, b1);
            b2 = key2.fma(x, b2);
            b3 = key3.fma(x, b3);
            x = FloatVector.broadcast(FLOATS, queries[q2 + i]);
            c0 = key0.fma(x, c0);
            c1 = key1.fma(x, c1);
            c2 = key2.fma(x, c2);
            c3 = key3.fma(x, c3);
            x = FloatVector.broadcast(FLOATS, queries[q3 + i]);
            d0 = key0.fma(x, d0);
            d1 = key1.fma(x, d1);
            d2 = key2.fma(x, d2);
            d3 = key3.fma(x, d3);
        }
        int at = query * POSITIONS + part;
        a0.intoArray(tile.weights, at);
        a1.intoArray(tile.weights, at + LENGTH);
        a2.intoArray(tile.weights, at + 2 * LENGTH);
        a3.intoArray(tile.weights, at + 3 * LENGTH);
        at += POSITIONS;
        b0.intoArray(tile.weights, at);
        b1.intoArray(tile.weights, at + LENGTH);
        b2.intoArray(tile.weights, at + 2 * LENGTH);
        b3.intoArray(tile.weights, at + 3 * LENGTH);
        at += POSITIONS;
        c0.intoArray(tile.weights, at);
        c1.intoArray(tile.weights, at + LENGTH);
        c2.intoArray(tile.weights, at + 2 * LENGTH);
        c3.intoArray(tile.weights, at + 3 * LENGTH);
        at += POSITIONS;
        d0.intoArray(tile.weights, at);
        d1.intoArray(tile.weights, at + LENGTH);
        d2.intoArray(tile.weights, at + 2 * LENGTH);
        d3.intoArray(tile.weights, at + 3 * LENGTH);
    }

    private static void scores2(AttentionTile tile, int query, int part) {
        float[] keys = tile.data;
        float[] queries = tile.queries;
        int headDim = tile.headDim;
        int k0 = keys(tile, part);
        int k1 = keys(tile, part + 1 * LENGTH);
        int k2 = keys(tile, part + 2 * LENGTH);
        int k3 = keys(tile, part + 3 * LENGTH);
        int q0 = query * headDim;
        int q1 = q0 + headDim;
        FloatVector a0 = FloatVector.zero(FLOATS);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        for (int i = 0; i < headDim; i++) {
            FloatVector key0 = load(keys, k0 + i * LANES);
            FloatVector key1 = load(keys, k1 + i * LANES);
            FloatVector key2 = load(keys, k2 + i * LANES);
            FloatVector key3 = load(keys, k3 + i * LANES);
            FloatVector x = FloatVector.broadcast(FLOATS, queries[q0 + i]);
            a0 = key0.fma(x, a0);
            a1 = key1.fma(x, a1);
            a2 = key2.fma(x, a2);
            a3 = key3.fma(x, a3);
            x = FloatVector.broadcast(FLOATS, queries[q1 + i]);
            b0 = key0.fma(x, b0);
            b1 = key1.fma(x, b1);
            b2 = key2.fma(x, b2);
            b3 = key3.fma(x, b3);
        }
        int at = query * POSITIONS + part;
        a0.intoArray(tile.weights, at);
        a1.intoArray(tile.weights, at + LENGTH);
        a2.intoArray(tile.weights, at + 2 * LENGTH);
        a3.intoArray(tile.weights, at + 3 * LENGTH);
        at += POSITIONS;
        b0.intoArray(tile.weights, at);
        b1.intoArray(tile.weights, at + LENGTH);
        b2.intoArray(tile.weights, at + 2 * LENGTH);
        b3.intoArray(tile.weights, at + 3 * LENGTH);
    }

    private static void scores1(AttentionTile tile, int query, int part) {
        float[] keys = tile.data;
        float[] queries = tile.queries;
        int headDim = tile.headDim;
        int k0 = keys(tile, part);
        int k1 = keys(tile, part + 1 * LENGTH);
        int k2 = keys(tile, part + 2 * LENGTH);
        int k3 = keys(tile, part + 3 * LENGTH);
        int q0 = query * headDim;
        FloatVector a0 = FloatVector.zero(FLOATS);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int i = 0; i < headDim; i++) {
            FloatVector key0 = load(keys, k0 + i * LANES);
            FloatVector key1 = load(keys, k1 + i * LANES);
            FloatVector key2 = load(keys, k2 + i * LANES);
            FloatVector key3 = load(keys, k3 + i * LANES);
            FloatVector x = FloatVector.broadcast(FLOATS, queries[q0 + i]);
            a0 = key0.fma(x, a0);
            a1 = key1.fma(x, a1);
            a2 = key2.fma(x, a2);
            a3 = key3.fma(x, a3);
        }
        int at = query * POSITIONS + part;
        a0.intoArray(tile.weights, at);
        a1.intoArray(tile.weights, at + LENGTH);
        a2.intoArray(tile.weights, at + 2 * LENGTH);
        a3.intoArray(tile.weights, at + 3 * LENGTH);
    }

    /** Makes the scores of a query relative to its largest score so far, this tile's included. */
    private static void subtractMax(AttentionTile tile, int query, int positions) {
        float[] weights = tile.weights;
        int at = query * POSITIONS;
        if (tile.scaled) {
            for (int p = 0; p < POSITIONS; p += LENGTH) {
                load(weights, at + p).mul(load(tile.keyScales, p)).intoArray(weights, at + p);
            }
        }
        if (positions < POSITIONS) {
            Arrays.fill(weights, at + positions, at + POSITIONS, Float.NEGATIVE_INFINITY);
        }
        FloatVector largest = load(weights, at);
        for (int p = LENGTH; p < POSITIONS; p += LENGTH) {
            largest = larger(largest, load(weights, at + p));
        }
        if (Lanes.WIDE) {
            largest = larger(largest, largest.rearrange(Lanes.BY_8));
        }
        largest = larger(largest, largest.rearrange(Lanes.BY_4));
        largest = larger(largest, largest.rearrange(Lanes.BY_2));
        largest = larger(largest, largest.rearrange(Lanes.BY_1));
        float before = tile.max[query];
        float max = Math.max(before, largest.lane(0));
        tile.max[query] = max;
        tile.corrections[query] = ScalarAttention.correction(before, max);
        for (int p = 0; p < POSITIONS; p += LENGTH) {
            load(weights, at + p).sub(max).intoArray(weights, at + p);
        }
    }

    /** The larger of each pair of lanes; {@code FloatVector.max} takes more instructions, to order zeros and NaN. */
    private static FloatVector larger(FloatVector a, FloatVector b) {
        return a.blend(b, a.lt(b));
    }

    /** Takes the weights of a query into its sum. */
    private static void addWeights(AttentionTile tile, int query) {
        float[] weights = tile.weights;
        int at = query * POSITIONS;
        for (int part = 0; part < LANES; part += LENGTH) {
            int lanes = query * LANES + part;
            FloatVector sum = load(tile.sum, lanes).fma(FloatVector.broadcast(FLOATS, tile.corrections[query]),
                    load(weights, at + part));
            for (int p = LANES + part; p < POSITIONS; p += LANES) {
                sum = sum.add(load(weights, at + p));
            }
            sum.intoArray(tile.sum, lanes);
        }
        if (tile.scaled) {
            for (int p = 0; p < POSITIONS; p += LENGTH) {
                load(weights, at + p).mul(load(tile.valueScales, p)).intoArray(weights, at + p);
            }
        }
    }

    /** Makes the weighted values of a query relative to its new maximum. */
    private static void correct(AttentionTile tile, int query) {
        float correction = tile.corrections[query];
        if (correction != 1) {
            int at = query * tile.valueStride;
            for (int i = 0; i < tile.valueStride; i += LENGTH) {
                load(tile.out, at + i).mul(correction).intoArray(tile.out, at + i);
            }
        }
    }

    private static void values4(AttentionTile tile, int query, int i, int positions) {
        float[] values = tile.data;
        float[] weights = tile.weights;
        float[] out = tile.out;
        int stride = tile.valueStride;
        int o0 = query * stride + i;
        int o1 = o0 + stride;
        int o2 = o1 + stride;
        int o3 = o2 + stride;
        FloatVector a0 = load(out, o0);
        FloatVector a1 = load(out, o0 + LENGTH);
        FloatVector a2 = load(out, o0 + 2 * LENGTH);
        FloatVector a3 = load(out, o0 + 3 * LENGTH);
        FloatVector b0 = load(out, o1);
        FloatVector b1 = load(out, o1 + LENGTH);
        FloatVector b2 = load(out, o1 + 2 * LENGTH);
        FloatVector b3 = load(out, o1 + 3 * LENGTH);
        FloatVector c0 = load(out, o2);
        FloatVector c1 = load(out, o2 + LENGTH);
        FloatVector c2 = load(out, o2 + 2 * LENGTH);
        FloatVector c3 = load(out, o2 + 3 * LENGTH);
        FloatVector d0 = load(out, o3);
        FloatVector d1 = load(out, o3 + LENGTH);
        FloatVector d2 = load(out, o3 + 2 * LENGTH);
        FloatVector d3 = load(out, o3 + 3 * LENGTH);
        int w = query * POSITIONS;
        int v = i;
        for (int p = 0; p < positions; p++, v += stride) {
            FloatVector value0 = load(values, v);
            FloatVector value1 = load(values, v + LENGTH);
            FloatVector value2 = load(values, v + 2 * LENGTH);
            FloatVector value3 = load(values, v + 3 * LENGTH);
            FloatVector x = FloatVector.broadcast(FLOATS, weights[w + p]);
            a0 = value0.fma(x, a0);
            a1 = value1.fma(x, a1);
            a2 = value2.fma(x, a2);
            a3 = value3.fma(x, a3);
            x = FloatVector.broadcast(FLOATS, weights[w + POSITIONS + p]);
            b0 = value0.fma(x, b0);
            b1 = value1.fma(x, b1);
            b2 = value2.fma(x, b2);
            b3 = value3.fma(x, b3);
            x = FloatVector.broadcast(FLOATS, weights[w + 2 * POSITIONS + p]);
            c0 = value0.fma(x, c0);
            c1 = value1.fma(x, c1);
            c2 = value2.fma(x, c2);
            c3 = value3.fma(x, c3);
            x = FloatVector.broadcast(FLOATS, weights[w + 3 * POSITIONS + p]);
            d0 = value0.fma(x, d0);
            d1 = value1.fma(x, d1);
            d2 = value2.fma(x, d2);
            d3 = value3.fma(x, d3);
        }
        a0.intoArray(out, o0);
        a1.intoArray(out, o0 + LENGTH);
        a2.intoArray(out, o0 + 2 * LENGTH);
        a3.intoArray(out, o0 + 3 * LENGTH);
        b0.intoArray(out, o1);
        b1.intoArray(out, o1 + LENGTH);
        b2.intoArray(out, o1 + 2 * LENGTH);
        b3.intoArray(out, o1 + 3 * LENGTH);
        c0.intoArray(out, o2);
        c1.intoArray(out, o2 + LENGTH);
        c2.intoArray(out, o2 + 2 * LENGTH);
        c3.intoArray(out, o2 + 3 * LENGTH);
        d0.intoArray(out, o3);
        d1.intoArray(out, o3 + LENGTH);
        d2.intoArray(out, o3 + 2 * LENGTH);
        d3.intoArray(out, o3 + 3 * LENGTH);
    }

    private static void values2(AttentionTile tile, int query, int i, int positions) {
        float[] values = tile.data;
        float[] weights = tile.weights;
        float[] out = tile.out;
        int stride = tile.valueStride;
        int o0 = query * stride + i;
        int o1 = o0 + stride;
        FloatVector a0 = load(out, o0);
        FloatVector a1 = load(out, o0 + LENGTH);
        FloatVector a2 = load(out, o0 + 2 * LENGTH);
        FloatVector a3 = load(out, o0 + 3 * LENGTH);
        FloatVector b0 = load(out, o1);
        FloatVector b1 = load(out, o1 + LENGTH);
        FloatVector b2 = load(out, o1 + 2 * LENGTH);
        FloatVector b3 = load(out, o1 + 3 * LENGTH);
        int w = query * POSITIONS;
        int v = i;
        for (int p = 0; p < positions; p++, v += stride) {
            FloatVector value0 = load(values, v);
            FloatVector value1 = load(values, v + LENGTH);
            FloatVector value2 = load(values, v + 2 * LENGTH);
            FloatVector value3 = load(values, v + 3 * LENGTH);
            FloatVector x = FloatVector.broadcast(FLOATS, weights[w + p]);
            a0 = value0.fma(x, a0);
            a1 = value1.fma(x, a1);
            a2 = value2.fma(x, a2);
            a3 = value3.fma(x, a3);
            x = FloatVector.broadcast(FLOATS, weights[w + POSITIONS + p]);
            b0 = value0.fma(x, b0);
            b1 = value1.fma(x, b1);
            b2 = value2.fma(x, b2);
            b3 = value3.fma(x, b3);
        }
        a0.intoArray(out, o0);
        a1.intoArray(out, o0 + LENGTH);
        a2.intoArray(out, o0 + 2 * LENGTH);
        a3.intoArray(out, o0 + 3 * LENGTH);
        b0.intoArray(out, o1);
        b1.intoArray(out, o1 + LENGTH);
        b2.intoArray(out, o1 + 2 * LENGTH);
        b3.intoArray(out, o1 + 3 * LENGTH);
    }

    private static void values1(AttentionTile tile, int query, int i, int positions) {
        float[] values = tile.data;
        float[] weights = tile.weights;
        float[] out = tile.out;
        int stride = tile.valueStride;
        int o0 = query * stride + i;
        FloatVector a0 = load(out, o0);
        FloatVector a1 = load(out, o0 + LENGTH);
        FloatVector a2 = load(out, o0 + 2 * LENGTH);
        FloatVector a3 = load(out, o0 + 3 * LENGTH);
        int w = query * POSITIONS;
        int v = i;
        for (int p = 0; p < positions; p++, v += stride) {
            FloatVector value0 = load(values, v);
            FloatVector value1 = load(values, v + LENGTH);
            FloatVector value2 = load(values, v + 2 * LENGTH);
            FloatVector value3 = load(values, v + 3 * LENGTH);
            FloatVector x = FloatVector.broadcast(FLOATS, weights[w + p]);
            a0 = value0.fma(x, a0);
            a1 = value1.fma(x, a1);
            a2 = value2.fma(x, a2);
            a3 = value3.fma(x, a3);
        }
        a0.intoArray(out, o0);
        a1.intoArray(out, o0 + LENGTH);
        a2.intoArray(out, o0 + 2 * LENGTH);
        a3.intoArray(out, o0 + 3 * LENGTH);
    }
}
