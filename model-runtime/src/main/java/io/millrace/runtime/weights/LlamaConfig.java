package io.millrace.runtime.weights;

/**
 * The geometry of a Llama 3.x text decoder. Checked by whoever reads it from a file; every value is positive,
 * {@code heads} is a multiple of {@code kvHeads} and {@code headDim} is even.
 *
 * @param layers decoder blocks
 * @param hidden width of the residual stream
 * @param ffn width of the feed-forward layer
 * @param heads query heads
 * @param kvHeads key and value heads (grouped-query attention)
 * @param headDim values per head
 * @param vocabSize rows of the embedding and of the output matrix
 * @param contextLength positions the model was made for
 * @param rmsEps epsilon of RMSNorm
 * @param ropeTheta base of the rotary frequencies
 */
public record LlamaConfig(int layers, int hidden, int ffn, int heads, int kvHeads, int headDim, int vocabSize,
        int contextLength, float rmsEps, float ropeTheta) {

    /** Width of the queries of one row: {@code heads * headDim}. */
    public int queryWidth() {
        return heads * headDim;
    }

    /** Width of the keys (or values) of one row: {@code kvHeads * headDim}. */
    public int kvWidth() {
        return kvHeads * headDim;
    }
}
