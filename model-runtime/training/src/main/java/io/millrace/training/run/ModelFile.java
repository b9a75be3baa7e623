package io.millrace.training.run;

import io.millrace.runtime.tokenizer.LearnedVocabulary;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.export.GgufWriter;
import io.millrace.runtime.weights.export.TensorEncoder;
import io.millrace.training.network.NetworkShape;
import io.millrace.training.network.Parameter;
import io.millrace.training.network.Parameters;
import java.io.IOException;
import java.nio.file.Path;

/** Trained parameters as a GGUF file, which this project's runtime and llama.cpp read. */
public final class ModelFile {
    /** What the model is called, in the file and in events. */
    public static final String NAME = "millrace-desk";
    /** The positions that the file promises. Training sees {@code TrainingSequence.MAX_TOKENS} of them at most. */
    public static final int CONTEXT_LENGTH = 2048;

    private ModelFile() {}

    /**
     * Writes a model.
     *
     * @param file replaced when it is there
     * @param vocabulary as many tokens as the embedding has rows
     * @param type of the matrices: F32, F16, BF16, Q8_0 or Q4_0; norms are F32 always. The output matrix is the embedding, so
     *        the file has none
     * @throws IllegalArgumentException when vocabulary and parameters do not belong together, or a matrix cannot be of the type
     * @throws IOException when the file cannot be written
     */
    public static void write(Path file, Parameters parameters, LearnedVocabulary vocabulary, TensorType type)
            throws IOException {
        NetworkShape shape = parameters.shape();
        if (vocabulary.tokens().size() != shape.vocabSize()) {
            throw new IllegalArgumentException("vocabulary: " + vocabulary.tokens().size()
                    + " tokens, but the embedding has " + shape.vocabSize() + " rows");
        }
        GgufWriter writer = new GgufWriter().string("general.architecture", "llama").string("general.type", "model")
                .string("general.name", NAME).string("general.license", "apache-2.0").fileType(type)
                .uint32("general.quantization_version", 2).uint32("llama.vocab_size", shape.vocabSize())
                .uint32("llama.context_length", CONTEXT_LENGTH).uint32("llama.embedding_length", shape.hidden())
                .uint32("llama.block_count", shape.layers()).uint32("llama.feed_forward_length", shape.ffn())
                .uint32("llama.attention.head_count", shape.heads())
                .uint32("llama.attention.head_count_kv", shape.kvHeads())
                .uint32("llama.attention.key_length", shape.headDim())
                .uint32("llama.attention.value_length", shape.headDim())
                .uint32("llama.rope.dimension_count", shape.headDim())
                .float32("llama.rope.freq_base", shape.ropeTheta())
                .float32("llama.attention.layer_norm_rms_epsilon", shape.rmsEps()).tokenizer(vocabulary);
        for (Parameter parameter : parameters.all()) {
            add(writer, parameter, type);
        }
        writer.write(file);
    }

    private static void add(GgufWriter writer, Parameter parameter, TensorType type) {
        if (!parameter.matrix()) {
            writer.vector(parameter.name(), TensorType.F32, parameter.cols(),
                    () -> TensorEncoder.encode(TensorType.F32, parameter.values()));
            return;
        }
        if (parameter.cols() % type.blockSize() != 0) {
            throw new IllegalArgumentException(parameter.name() + ": rows of " + parameter.cols() + " values cannot be "
                    + type + ", whose blocks are of " + type.blockSize());
        }
        writer.matrix(parameter.name(), type, parameter.rows(), parameter.cols(),
                () -> TensorEncoder.encode(type, parameter.values()));
    }
}
