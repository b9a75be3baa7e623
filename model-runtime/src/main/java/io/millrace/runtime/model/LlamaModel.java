package io.millrace.runtime.model;

import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LayerSplit;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.ModelFormatException;
import io.millrace.runtime.weights.ModelOutline;
import java.nio.file.Path;
import java.util.function.Function;

/**
 * A model, or the shard of one that begins with tokens, and the tokenizer whose ids it takes. Immutable, any thread may read
 * it. Whoever opens it closes it, when nothing computes with the weights any more.
 */
public record LlamaModel(ModelShard shard, Tokenizer tokenizer) implements AutoCloseable {

    /** Opens all layers, see {@link #open(Path, Function, PackingOptions)}. */
    public static LlamaModel open(Path path, PackingOptions packing) {
        return open(path, outline -> LayerRange.all(outline.config()), packing);
    }

    /**
     * Opens a GGUF file, the first file of a split GGUF, or a Hugging Face directory.
     *
     * @param range chooses the layers
     * @param packing how the weights are packed when their packed form is not in a cache
     * @throws ModelFormatException when a file is damaged, or weights and tokenizer are not of one model
     * @throws IllegalArgumentException when the model has no such layers
     * @throws IllegalStateException caused by an InterruptedException, when this thread is interrupted while it packs
     */
    public static LlamaModel open(Path path, Function<ModelOutline, LayerRange> range, PackingOptions packing) {
        Tokenizer tokenizer = Tokenizer.load(path);
        return new LlamaModel(ModelShard.open(path, outline -> {
            requireOneModel(path, tokenizer, outline);
            return range.apply(outline);
        }, packing), tokenizer);
    }

    /**
     * Does what {@link #open} of each shard would take long for, as far as it lasts: checks the files and sees to it that the
     * packed weights are in the cache. For a model that is going to be opened elsewhere on this machine.
     *
     * @param split chooses the shards
     * @return what the model is called
     * @throws ModelFormatException when a file is damaged, or weights and tokenizer are not of one model
     * @throws IllegalArgumentException when the model has not the layers of the split
     * @throws IllegalStateException caused by an InterruptedException, when this thread is interrupted while it packs
     */
    public static String prepare(Path path, Function<ModelOutline, LayerSplit> split, PackingOptions packing) {
        ModelOutline outline = ModelOutline.read(path);
        requireOneModel(path, Tokenizer.load(path), outline);
        for (LayerRange range : split.apply(outline).check(outline.config()).ranges()) {
            try (LlamaWeights weights = LlamaWeights.open(path, _ -> range)) {
                PackedWeights.prepare(weights, packing);
            }
        }
        return outline.name();
    }

    private static void requireOneModel(Path path, Tokenizer tokenizer, ModelOutline outline) {
        if (tokenizer.vocabularySize() != outline.config().vocabSize()) {
            throw new ModelFormatException(path, "vocabulary", "the tokenizer has " + tokenizer.vocabularySize()
                    + " tokens and the embedding " + outline.config().vocabSize()
                    + "; they are not of the same model");
        }
    }

    public LlamaWeights weights() {
        return shard.weights();
    }

    public PackedWeights packed() {
        return shard.packed();
    }

    @Override
    public void close() {
        shard.close();
    }
}
