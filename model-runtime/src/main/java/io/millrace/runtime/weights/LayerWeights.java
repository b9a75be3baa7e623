package io.millrace.runtime.weights;

import java.util.List;
import java.util.function.UnaryOperator;

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
        Tensor gate, Tensor up, Tensor down) {

    /** The tensors in the order of the computation. */
    List<Tensor> tensors() {
        return List.of(attnNorm, query, key, value, attnOutput, ffnNorm, gate, up, down);
    }

    /** The matrices in the order of the computation. */
    List<Tensor> matrices() {
        return List.of(query, key, value, attnOutput, gate, up, down);
    }

    LayerWeights map(UnaryOperator<Tensor> to) {
        return new LayerWeights(to.apply(attnNorm), to.apply(query), to.apply(key), to.apply(value),
                to.apply(attnOutput), to.apply(ffnNorm), to.apply(gate), to.apply(up), to.apply(down));
    }
}
