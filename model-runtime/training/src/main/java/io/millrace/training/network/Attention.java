package io.millrace.training.network;

import java.util.Arrays;

/**
 * Causal attention of one key/value head over one sequence, with its derivatives. Scores are computed for a few queries at a
 * time and not kept: the backward pass computes them again from the logarithm of their sum (Dao et al. 2022, here without a
 * division of the keys). Queries come turned and scaled. Holds the scratch of one worker.
 */
final class Attention {
    /** Queries whose scores are computed together; a multiple of the rows of both tiles. */
    private static final int QUERIES = 48;
    /** Distance of the rows of scores by position. */
    private static final int POSITION_STRIDE = Lanes.stride(QUERIES);

    private final int heads;
    private final int headDim;
    private final int group;
    private final float[] keysTransposed;
    private final float[] keys;
    private final float[] valuesTransposed;
    private final float[] values;
    private final float[] queryBlock;
    private final float[] slopeBlock;
    private final float[] scores;
    private final float[] scoreSlopes;
    /** Scores, or their slopes, a row for each position. */
    private final float[] byPosition;
    private final float[] tile = new float[Gemm.SCRATCH];

    Attention(NetworkShape shape, int maxTokens) {
        heads = shape.heads();
        headDim = shape.headDim();
        group = shape.heads() / shape.kvHeads();
        keysTransposed = new float[Gemm.packedSize(headDim, maxTokens, Gemm.WIDE_PANEL)];
        valuesTransposed = new float[keysTransposed.length];
        keys = new float[Gemm.packedSize(maxTokens, headDim, Gemm.NARROW_PANEL)];
        values = new float[keys.length];
        queryBlock = new float[Gemm.packedSize(QUERIES, headDim, Gemm.NARROW_PANEL)];
        slopeBlock = new float[queryBlock.length];
        int stride = Lanes.stride(maxTokens);
        scores = new float[QUERIES * stride + Gemm.slack(stride)];
        scoreSlopes = new float[scores.length];
        byPosition = new float[maxTokens * POSITION_STRIDE + Gemm.slack(POSITION_STRIDE)];
    }

    /**
     * Writes the weighted values of the query heads that share a key/value head.
     *
     * @param start first token of the sequence
     * @param length its tokens
     */
    void forward(Activations layer, int start, int length, int kvHead) {
        packTransposed(layer.keys(), start, length, kvHead, keysTransposed);
        pack(layer.values(), start, length, kvHead, values);
        int stride = Lanes.stride(length);
        Matrix out = layer.attended();
        for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
            for (int first = 0; first < length; first += QUERIES) {
                int count = Math.min(QUERIES, length - first);
                int end = first + count;
                multiplyKeys(layer.queries(), start + first, count, head, keysTransposed, end, scores, stride);
                for (int query = 0; query < count; query++) {
                    layer.logSums()[(start + first + query) * heads + head] = Rows.softmax(scores, query * stride,
                            first + query + 1, Lanes.padded(end));
                }
                Gemm.multiplyNarrow(scores, 0, stride, values, length, out.values(),
                        out.at(start + first) + head * headDim, out.stride(), count, headDim, end, false, tile);
            }
        }
    }

    /**
     * Writes the gradients of queries, keys and values; queries' with respect to the turned and scaled ones.
     *
     * @param dAttended gradient of what the forward pass wrote
     */
    void backward(Activations layer, Matrix dAttended, Matrix dQueries, Matrix dKeys, Matrix dValues, int start,
            int length, int kvHead) {
        packTransposed(layer.keys(), start, length, kvHead, keysTransposed);
        packTransposed(layer.values(), start, length, kvHead, valuesTransposed);
        pack(layer.keys(), start, length, kvHead, keys);
        zero(dKeys, start, length, kvHead);
        zero(dValues, start, length, kvHead);
        int stride = Lanes.stride(length);
        int kvColumn = kvHead * headDim;
        for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
            for (int first = 0; first < length; first += QUERIES) {
                int count = Math.min(QUERIES, length - first);
                int end = first + count;
                int row = start + first;
                multiplyKeys(layer.queries(), row, count, head, keysTransposed, end, scores, stride);
                multiplyKeys(dAttended, row, count, head, valuesTransposed, end, scoreSlopes, stride);
                for (int query = 0; query < count; query++) {
                    Rows.softmaxAgain(scores, query * stride, first + query + 1, Lanes.padded(end),
                            layer.logSums()[(row + query) * heads + head]);
                    float along = Rows.dot(dAttended.values(), dAttended.at(row + query) + head * headDim,
                            layer.attended().values(), layer.attended().at(row + query) + head * headDim, headDim);
                    Rows.softmaxBackward(scores, scoreSlopes, query * stride, Lanes.padded(end), along);
                }
                Gemm.multiplyNarrow(scoreSlopes, 0, stride, keys, length, dQueries.values(),
                        dQueries.at(row) + head * headDim, dQueries.stride(), count, headDim, end, false, tile);
                pack(layer.queries(), row, count, head, queryBlock);
                pack(dAttended, row, count, head, slopeBlock);
                Gemm.transpose(scoreSlopes, 0, stride, count, end, byPosition, POSITION_STRIDE);
                Gemm.multiplyNarrow(byPosition, 0, POSITION_STRIDE, queryBlock, count, dKeys.values(),
                        dKeys.at(start) + kvColumn, dKeys.stride(), end, headDim, count, true, tile);
                Gemm.transpose(scores, 0, stride, count, end, byPosition, POSITION_STRIDE);
                Gemm.multiplyNarrow(byPosition, 0, POSITION_STRIDE, slopeBlock, count, dValues.values(),
                        dValues.at(start) + kvColumn, dValues.stride(), end, headDim, count, true, tile);
            }
        }
    }

    private void multiplyKeys(Matrix queries, int row, int count, int head, float[] packed, int positions,
            float[] out, int stride) {
        Gemm.multiply(queries.values(), queries.at(row) + head * headDim, queries.stride(), packed, out, 0, stride,
                count, positions, headDim, false, tile);
    }

    private void pack(Matrix matrix, int row, int rows, int head, float[] target) {
        Gemm.packAll(matrix.values(), matrix.at(row) + head * headDim, matrix.stride(), rows, headDim,
                Gemm.NARROW_PANEL, target);
    }

    private void packTransposed(Matrix matrix, int row, int rows, int head, float[] target) {
        Gemm.packAllTransposed(matrix.values(), matrix.at(row) + head * headDim, matrix.stride(), headDim, rows,
                Gemm.WIDE_PANEL, target);
    }

    private void zero(Matrix matrix, int start, int length, int head) {
        for (int row = start; row < start + length; row++) {
            int at = matrix.at(row) + head * headDim;
            Arrays.fill(matrix.values(), at, at + headDim, 0);
        }
    }
}
