package io.millrace.runtime.weights;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.runtime.weights.TinyLlama.Shape;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever is wrong with the {@code config.json} of a Hugging Face directory is told in one line that names file and field. */
class HostileConfigTest {
    private static final List<Shape> SHAPES = TinyLlama.shapes(TensorNames.HUGGING_FACE);

    private final Path directory;
    private final Path config;

    HostileConfigTest(@TempDir Path directory) {
        this.directory = directory;
        this.config = directory.resolve("config.json");
    }

    private void assertRejected(Path named, String field, String problem) {
        assertThatThrownBy(() -> LlamaWeights.open(directory).close()).isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(named + ": " + field + ": ").hasMessageContaining(problem)
                .message().doesNotContain("\n");
    }

    @ParameterizedTest(name = "{0} = {1}")
    @CsvSource(quoteCharacter = '`', value = {"model_type, `null`, is missing", "model_type, `\"qwen2\"`, only llama",
            "hidden_act, `\"gelu\"`, only silu", "attention_bias, true, without biases",
            "mlp_bias, true, without biases", "mlp_bias, 1, expected true or false",
            "quantization_config, {}, not supported", "vocab_size, 0, 0 is not above 0",
            "vocab_size, 6.5, no 32-bit integer", "vocab_size, 99999999999, no 32-bit integer",
            "vocab_size, `\"6\"`, no 32-bit integer", "bos_token_id, 6, 6 is outside the vocabulary of 6",
            "bos_token_id, -1, -1 is outside", "eos_token_id, `[1, 2, 6]`, 6 is outside",
            "num_hidden_layers, 0, 0 is not above 0", "num_hidden_layers, `null`, is missing",
            "num_attention_heads, 0, 0 is not above 0", "num_key_value_heads, 0, 0 is not above 0",
            "num_key_value_heads, 3, no multiple", "head_dim, 3, 3 is odd", "head_dim, 0, 0 is not above 0",
            "hidden_size, -8, -8 is not above 0", "intermediate_size, 0, 0 is not above 0",
            "max_position_embeddings, 0, 0 is not above 0", "rms_norm_eps, 0, is not between 0 and 1",
            "rms_norm_eps, `\"small\"`, expected a number", "rope_theta, 0, is not a finite number",
            "rope_theta, 1e99, is not a finite number", "rope_scaling, 8, expected an object",
            "rope_parameters, {}, is missing", "tie_word_embeddings, `\"no\"`, expected true or false"})
    void aFieldOutOfRangeIsRejected(String field, String value, String problem) {
        TinyLlama.writeSingle(directory);
        Map<String, String> fields = TinyLlama.config();
        fields.put(field, value);
        TinyLlama.write(config, fields);
        assertThatThrownBy(() -> LlamaWeights.open(directory)).isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(config + ": " + field).hasMessageContaining(problem);
    }

    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource(quoteCharacter = '`', value = {"rope_type, `\"rope_type\": \"yarn\"`, only llama3 and default",
            "factor, `\"factor\": 0.5`, of at least 1", "factor, `\"factor\": \"8\"`, expected a number",
            "high_freq_factor, `\"high_freq_factor\": 1.0`, is not above low_freq_factor",
            "high_freq_factor, `\"low_freq_factor\": 0`, and that above 0",
            "original_max_position_embeddings, `\"original_max_position_embeddings\": 0`, 0 is not above 0"})
    void aRotaryScalingOutOfRangeIsRejected(String field, String value, String problem) {
        TinyLlama.writeSingle(directory);
        String name = value.substring(0, value.indexOf(':'));
        String scaling = Stream
                .of("\"rope_type\": \"llama3\"", "\"factor\": 8.0", "\"low_freq_factor\": 1.0",
                        "\"high_freq_factor\": 4.0", "\"original_max_position_embeddings\": 8192")
                .map(member -> member.startsWith(name) ? value : member)
                .collect(Collectors.joining(", ", "{", "}"));
        Map<String, String> fields = TinyLlama.config();
        fields.put("rope_scaling", scaling);
        TinyLlama.write(config, fields);
        assertRejected(config, "rope_scaling." + field, problem);
    }

    @Test
    void aDuplicateFieldIsRejected() {
        TinyLlama.writeSingle(directory);
        TinyLlama.write(config, "{\"model_type\": \"llama\", \"model_type\": \"llama\"}");
        assertRejected(config, "file", "Duplicate field 'model_type'");
    }

    @Test
    void aDirectoryWithoutAModelIsRejected() {
        assertRejected(directory, "config.json", "is missing; give a Hugging Face directory");
        TinyLlama.write(config, TinyLlama.config());
        assertRejected(directory, "model.safetensors", "is missing, and model.safetensors.index.json too");
    }

    @Test
    void aMissingOutputOfAnUntiedModelIsRejected() {
        List<Shape> tied = SHAPES.subList(0, SHAPES.size() - 1);
        TinyLlama.write(config, TinyLlama.config());
        TinyLlama.write(directory.resolve("model.safetensors"), TinyLlama.safetensors(tied));
        assertRejected(directory, "lm_head.weight", "is missing, and tie_word_embeddings is not true");
    }

    @Test
    void aVocabularyThatDisagreesWithTheEmbeddingIsRejected() {
        TinyLlama.writeSingle(directory);
        Map<String, String> fields = TinyLlama.config();
        fields.put("vocab_size", "7");
        TinyLlama.write(config, fields);
        assertRejected(directory, "model.embed_tokens.weight",
                "has the shape 6 x 8, but the configuration wants 7 x 8");
    }
}
