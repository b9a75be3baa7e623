package io.millrace.training.network;

import java.util.Map;

/**
 * The geometry of a Llama that is trained. Its output matrix is the embedding.
 *
 * @param vocabSize tokens, rows of the embedding
 * @param layers decoder blocks
 * @param hidden width of the residual stream, a multiple of 16
 * @param ffn width of the feed-forward layer, a multiple of 16
 * @param heads query heads, a multiple of {@code kvHeads}
 * @param kvHeads key and value heads (grouped-query attention)
 * @param headDim values per head, a multiple of 16
 * @param ropeTheta base of the rotary frequencies
 * @param rmsEps epsilon of RMSNorm
 */
public record NetworkShape(int vocabSize, int layers, int hidden, int ffn, int heads, int kvHeads, int headDim,
        float ropeTheta, float rmsEps) {

    /** @throws IllegalArgumentException when a size is not one that the network computes */
    public NetworkShape {
        Map.of("vocabSize", vocabSize, "layers", layers, "heads", heads, "kvHeads", kvHeads)
                .forEach((name, size) -> check(name, size, 1));
        Map.of("hidden", hidden, "ffn", ffn, "headDim", headDim)
                .forEach((name, size) -> check(name, size, Lanes.COUNT));
        if (heads % kvHeads != 0) {
            throw new IllegalArgumentException(
                    "heads: " + heads + " is not a multiple of kvHeads, " + kvHeads + "; choose one that is");
        }
        if (!(ropeTheta > 1) || !(rmsEps > 0)) {
            throw new IllegalArgumentException("ropeTheta must be above 1 and rmsEps above 0, not " + ropeTheta
                    + " and " + rmsEps);
        }
    }

    private static void check(String name, int size, int multiple) {
        if (size <= 0 || size % multiple != 0) {
            throw new IllegalArgumentException(
                    name + ": " + size + " is not a positive multiple of " + multiple + "; choose one that is");
        }
    }

    /** Width of the queries of one token. */
    public int queryWidth() {
        return heads * headDim;
    }

    /** Width of the keys (or values) of one token. */
    public int kvWidth() {
        return kvHeads * headDim;
    }
}
