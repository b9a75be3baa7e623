package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.AttentionTile.POSITIONS;
import static io.millrace.runtime.kernels.Kernels.LANES;

import java.util.Arrays;

/** {@link Kernels#attendKeys} and {@link Kernels#attendValues}, the reference. */
final class ScalarAttention {
    private ScalarAttention() {}

    static void attendKeys(AttentionTile tile, int first, int count, int positions) {
        for (int query = first; query < first + count; query++) {
            scores(tile, query, positions);
            softmax(tile, query, positions);
        }
    }

    private static void scores(AttentionTile tile, int query, int positions) {
        int at = query * POSITIONS;
        for (int p = 0; p < positions; p++) {
            int key = p / LANES * tile.headDim * LANES + p % LANES;
            float score = 0;
            for (int i = 0; i < tile.headDim; i++) {
                score = Math.fma(tile.data[key + i * LANES], tile.queries[query * tile.headDim + i], score);
            }
            tile.weights[at + p] = tile.scaled ? score * tile.keyScales[p] : score;
        }
        Arrays.fill(tile.weights, at + positions, at + POSITIONS, Float.NEGATIVE_INFINITY);
    }

    private static void softmax(AttentionTile tile, int query, int positions) {
        float[] weights = tile.weights;
        int at = query * POSITIONS;
        float max = tile.max[query];
        for (int p = 0; p < positions; p++) {
            max = Math.max(max, weights[at + p]);
        }
        float correction = correction(tile.max[query], max);
        tile.max[query] = max;
        tile.corrections[query] = correction;
        for (int p = 0; p < POSITIONS; p++) {
            weights[at + p] = ScalarKernels.exp(weights[at + p] - max);
            int lane = query * LANES + p % LANES;
            tile.sum[lane] = p < LANES
                    ? Math.fma(tile.sum[lane], correction, weights[at + p])
                    : tile.sum[lane] + weights[at + p];
            if (tile.scaled) {
                weights[at + p] *= tile.valueScales[p];
            }
        }
    }

    /** What multiplies the sums of weights relative to a maximum, to make them relative to a larger one. */
    static float correction(float before, float max) {
        return before == max ? 1 : ScalarKernels.exp(before - max);
    }

    static void attendValues(AttentionTile tile, int first, int count, int positions) {
        for (int query = first; query < first + count; query++) {
            int out = query * tile.valueStride;
            for (int i = 0; i < tile.headDim; i++) {
                float sum = tile.out[out + i] * tile.corrections[query];
                for (int p = 0; p < positions; p++) {
                    sum = Math.fma(tile.data[p * tile.valueStride + i], tile.weights[query * POSITIONS + p], sum);
                }
                tile.out[out + i] = sum;
            }
        }
    }
}
