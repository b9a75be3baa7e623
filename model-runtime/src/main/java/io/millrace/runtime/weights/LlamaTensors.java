package io.millrace.runtime.weights;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of a model, or of the shard that computes a range of its layers.
 *
 * @param embedding null when the shard does not embed
 * @param outputNorm null when the shard does not classify
 * @param output the embedding itself when the two are tied; null when the shard does not classify
 */
record LlamaTensors(@Nullable Tensor embedding, List<LayerWeights> layers, @Nullable Tensor outputNorm,
        @Nullable Tensor output) {

    /** Of a whole model, those of a shard. */
    LlamaTensors of(LayerRange range) {
        boolean classifies = range.end() == layers.size();
        return new LlamaTensors(range.embeds() ? embedding : null, layers.subList(range.first(), range.end()),
                classifies ? outputNorm : null, classifies ? output : null);
    }

    /** Other tensors in the place of these; equal ones become the same object. */
    LlamaTensors map(UnaryOperator<Tensor> to) {
        Tensor mapped = embedding == null ? null : to.apply(embedding);
        boolean tied = output != null && output.equals(embedding);
        return new LlamaTensors(mapped, layers.stream().map(layer -> layer.map(to)).toList(),
                outputNorm == null ? null : to.apply(outputNorm),
                tied ? mapped : output == null ? null : to.apply(output));
    }

    /** Every tensor once, in the order of the computation. */
    List<Tensor> all() {
        List<Tensor> all = new ArrayList<>();
        if (embedding != null) {
            all.add(embedding);
        }
        for (LayerWeights layer : layers) {
            all.addAll(layer.tensors());
        }
        if (outputNorm != null) {
            all.add(outputNorm);
        }
        if (output != null && !output.equals(embedding)) {
            all.add(output);
        }
        return all;
    }
}
