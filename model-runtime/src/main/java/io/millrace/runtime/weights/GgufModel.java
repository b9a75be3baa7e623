package io.millrace.runtime.weights;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Makes a Llama of a GGUF file. */
final class GgufModel {
    private static final String ARCHITECTURE = "general.architecture";
    private static final String NAME = "general.name";
    private static final String VOCAB_SIZE = "llama.vocab_size";
    private static final String VALUE_LENGTH = "llama.attention.value_length";
    private static final String ROTARY_DIMENSIONS = "llama.rope.dimension_count";
    private static final String ROTARY_BASE = "llama.rope.freq_base";
    private static final String ROTARY_SCALING = "llama.rope.scaling.type";
    private static final String TOKENS = "tokenizer.ggml.tokens";
    private static final String TOKEN_TYPES = "tokenizer.ggml.token_type";
    private static final String DIVISORS = "rope_freqs.weight";

    private final GgufFile file;
    private final GgufMetadata metadata;
    private final Map<String, Tensor> tensors;
    private final List<String> warnings = new ArrayList<>();

    private GgufModel(GgufFile file) {
        this.file = file;
        this.metadata = file.metadata();
        this.tensors = new LinkedHashMap<>(file.tensors());
    }

    static MappedModel open(Path path) {
        return of(GgufFile.open(path));
    }

    /** @param file is closed with the model, or when it holds none */
    static MappedModel of(GgufFile file) {
        try {
            return new GgufModel(file).model();
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private MappedModel model() {
        String architecture = metadata.string(ARCHITECTURE);
        if (!architecture.equals("llama")) {
            throw metadata.error(ARCHITECTURE, "is " + architecture + ", only llama is supported");
        }
        LlamaConfig config = config();
        Tensor divisorTensor = tensors.remove(DIVISORS);
        LlamaTensors llama = TensorNames.GGUF.take(file.path(), config, tensors);
        // Not before the tensors have shown that the head dimension is not just a number in a small file.
        float[] divisors = divisors(config, divisorTensor);
        for (String name : tensors.keySet()) {
            throw metadata.error(name, "is not a tensor of a Llama with " + config.layers() + " layers");
        }
        return new MappedModel(file.arena(), file.path(), file.files(), name(), config, llama, divisors,
                RotaryLayout.INTERLEAVED, warnings);
    }

    private String name() {
        return metadata.has(NAME) ? metadata.string(NAME) : String.valueOf(file.path().getFileName());
    }

    private LlamaConfig config() {
        String embeddingName = TensorNames.GGUF.embedding();
        int vocabSize = file.tensor(embeddingName).orElseThrow(() -> metadata.error(embeddingName, "is missing"))
                .rows();
        LlamaConfig config = ConfigKeys.GGUF.read(metadata, vocabSize, ConfigKeys.theta(metadata, ROTARY_BASE));
        expect(VALUE_LENGTH, config.headDim(), "the head dimension");
        expect(ROTARY_DIMENSIONS, config.headDim(), "the head dimension");
        expect(VOCAB_SIZE, vocabSize, "the rows of " + embeddingName);
        if (metadata.has(ROTARY_SCALING) && !metadata.string(ROTARY_SCALING).equals("none")) {
            throw metadata.error(ROTARY_SCALING,
                    "is " + metadata.string(ROTARY_SCALING) + ", only the tensor " + DIVISORS
                            + " of Llama 3.1 is supported");
        }
        checkVocabulary(vocabSize);
        return config;
    }

    private void expect(String key, int expected, String what) {
        if (metadata.has(key) && metadata.integer(key) != expected) {
            throw metadata.error(key, metadata.integer(key) + " is not " + what + ", " + expected);
        }
    }

    private void checkVocabulary(int vocabSize) {
        for (String key : List.of(TOKENS, TOKEN_TYPES)) {
            if (metadata.has(key) && metadata.length(key) != vocabSize) {
                throw metadata.error(key, metadata.length(key) + " entries for a vocabulary of " + vocabSize);
            }
        }
        for (String key : metadata.keys()) {
            if (key.startsWith("tokenizer.ggml.") && key.endsWith("_token_id")) {
                int token = metadata.integer(key);
                if (token < 0 || token >= vocabSize) {
                    throw metadata.error(key, token + " is outside the vocabulary of " + vocabSize);
                }
            }
        }
    }

    private float[] divisors(LlamaConfig config, @Nullable Tensor tensor) {
        if (tensor != null) {
            return readDivisors(tensor, config.headDim() / 2);
        }
        if (config.contextLength() == 131072 && config.ropeTheta() == 500000f) {
            warnings.add(
                    DIVISORS + " is missing, as in files made before August 2024; the scaling of Llama 3.1 is used,"
                            + " convert the model again if it is another");
            return RotaryScaling.LLAMA_3_1.divisors(config.headDim(), config.ropeTheta());
        }
        return RotaryScaling.none(config.headDim());
    }

    private float[] readDivisors(Tensor tensor, int count) {
        if (tensor.rows() != 1 || tensor.cols() != count) {
            throw metadata.error(DIVISORS,
                    "has the shape " + tensor.rows() + " x " + tensor.cols() + ", expected 1 x " + count);
        }
        float[] divisors = FloatTensors.read(file.path(), tensor);
        for (float divisor : divisors) {
            if (!(divisor > 0 && Float.isFinite(divisor))) {
                throw metadata.error(DIVISORS, divisor + " is not a finite number above 0");
            }
        }
        return divisors;
    }
}
