package io.millrace.runtime.weights;

import java.util.ArrayList;
import java.util.List;

/**
 * All tensors of a model.
 *
 * @param output the embedding itself when the two are tied
 */
record LlamaTensors(Tensor embedding, List<LayerWeights> layers, Tensor outputNorm, Tensor output) {

    /** Every tensor once, in the order of the computation. */
    List<Tensor> all() {
        List<Tensor> all = new ArrayList<>();
        all.add(embedding);
        for (LayerWeights layer : layers) {
            all.addAll(List.of(layer.attnNorm(), layer.query(), layer.key(), layer.value(), layer.attnOutput(),
                    layer.ffnNorm(), layer.gate(), layer.up(), layer.down()));
        }
        all.add(outputNorm);
        if (!output.equals(embedding)) {
            all.add(output);
        }
        return all;
    }
}
