package io.millrace.runtime.model;

import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.ModelFormatException;
import java.nio.file.Path;

/**
 * A model as its files give it: the weights, their packed form, and the tokenizer whose ids they are for. Immutable, any thread may read it.
 * Whoever opens it closes it, when nothing computes with the weights any more.
 */
public record LlamaModel(LlamaWeights weights, PackedWeights packed, Tokenizer tokenizer) implements AutoCloseable {

    /**
     * Opens a GGUF file, the first file of a split GGUF, or a Hugging Face directory.
     *
     * @throws ModelFormatException when a file is damaged, or weights and tokenizer are not of one model
     */
    public static LlamaModel open(Path path) {
        LlamaWeights weights = LlamaWeights.open(path);
        try {
            Tokenizer tokenizer = Tokenizer.load(path);
            if (tokenizer.vocabularySize() != weights.config().vocabSize()) {
                throw new ModelFormatException(path, "vocabulary", "the tokenizer has " + tokenizer.vocabularySize()
                        + " tokens and the embedding " + weights.config().vocabSize()
                        + "; they are not of the same model");
            }
            return new LlamaModel(weights, PackedWeights.inMemory(weights), tokenizer);
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
