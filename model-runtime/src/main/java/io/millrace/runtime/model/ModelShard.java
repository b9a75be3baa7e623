package io.millrace.runtime.model;

import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.ModelFormatException;
import io.millrace.runtime.weights.ModelOutline;
import java.nio.file.Path;
import java.util.function.Function;

/**
 * What a process computes a range of a model's layers with: their weights, and the packed form of them. Immutable, any thread
 * may read it. Whoever opens it closes it, when nothing computes with the weights any more.
 */
public record ModelShard(LlamaWeights weights, PackedWeights packed) implements AutoCloseable {

    /**
     * Opens a GGUF file, the first file of a split GGUF, or a Hugging Face directory.
     *
     * @param range chooses the layers
     * @param packing how the weights are packed when their packed form is not in a cache
     * @throws ModelFormatException when a file is damaged
     * @throws IllegalArgumentException when the model has no such layers
     * @throws IllegalStateException caused by an InterruptedException, when this thread is interrupted while it packs
     */
    public static ModelShard open(Path path, Function<ModelOutline, LayerRange> range, PackingOptions packing) {
        LlamaWeights weights = LlamaWeights.open(path, range);
        try {
            return new ModelShard(weights, PackedWeights.open(weights, packing));
        } catch (RuntimeException | Error e) {
            weights.close();
            throw e;
        }
    }

    @Override
    public void close() {
        packed.close();
        weights.close();
    }
}
