package io.millrace.runtime.weights;

/**
 * The tensors of one decoder block.
 *
 * @param attnNorm {@code [1, hidden]} F32
 * @param query {@code [heads * headDim, hidden]}
 * @param key {@code [kvHeads * headDim, hidden]}
 * @param value {@code [kvHeads * headDim, hidden]}
 * @param attnOutput {@code [hidden, heads * headDim]}
 * @param ffnNorm {@code [1, hidden]} F32
 * @param gate {@code [ffn, hidden]}
 * @param up {@code [ffn, hidden]}
 * @param down {@code [hidden, ffn]}
 */
public record LayerWeights(Tensor attnNorm, Tensor query, Tensor key, Tensor value, Tensor attnOutput, Tensor ffnNorm,
        Tensor gate, Tensor up, Tensor down) {}
