package io.millrace.runtime.model;

import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.ModelFormatException;
import java.nio.file.Path;

/**
 * A model: the weights, their packed form, and the tokenizer whose ids they are for. Immutable, any thread may read it.
 * Whoever opens it closes it, when nothing computes with the weights any more.
 */
public record LlamaModel(LlamaWeights weights, PackedWeights packed, Tokenizer tokenizer) implements AutoCloseable {

    /**
     * Opens a GGUF file, the first file of a split GGUF, or a Hugging Face directory.
     *
     * @param packing how the weights are packed when their packed form is not in a cache
     * @throws ModelFormatException when a file is damaged, or weights and tokenizer are not of one model
     * @throws IllegalStateException caused by an InterruptedException, when this thread is interrupted while it packs
     */
    public static LlamaModel open(Path path, PackingOptions packing) {
        LlamaWeights weights = LlamaWeights.open(path);
        try {
            Tokenizer tokenizer = tokenizer(path, weights);
            return new LlamaModel(weights, PackedWeights.open(weights, packing), tokenizer);
        } catch (RuntimeException | Error e) {
            weights.close();
            throw e;
        }
    }

    /**
     * Does what {@link #open} would take long for, as far as it lasts: checks the files and sees to it that the packed weights
     * are in the cache. For a model that is going to be opened elsewhere on this machine.
     *
     * @return what the model is called
     * @throws ModelFormatException when a file is damaged, or weights and tokenizer are not of one model
     * @throws IllegalStateException caused by an InterruptedException, when this thread is interrupted while it packs
     */
    public static String prepare(Path path, PackingOptions packing) {
        try (LlamaWeights weights = LlamaWeights.open(path)) {
            tokenizer(path, weights);
            PackedWeights.prepare(weights, packing);
            return weights.name();
        }
    }

    private static Tokenizer tokenizer(Path path, LlamaWeights weights) {
        Tokenizer tokenizer = Tokenizer.load(path);
        if (tokenizer.vocabularySize() != weights.config().vocabSize()) {
            throw new ModelFormatException(path, "vocabulary", "the tokenizer has " + tokenizer.vocabularySize()
                    + " tokens and the embedding " + weights.config().vocabSize()
                    + "; they are not of the same model");
        }
        return tokenizer;
    }

    @Override
    public void close() {
        packed.close();
        weights.close();
    }
}
