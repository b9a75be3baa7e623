package io.millrace.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.runtime.weights.TinyLlama.Shape;
import io.millrace.runtime.weights.export.GgufWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What well-formed models of every layout become. */
class LlamaWeightsTest {
    private static final List<Shape> GGUF = TinyLlama.shapes(TensorNames.GGUF);

    private final Path directory;

    LlamaWeightsTest(@TempDir Path directory) {
        this.directory = directory;
    }

    private Path gguf(GgufWriter writer, TensorType type, List<Shape> shapes) throws IOException {
        TinyLlama.addTensors(writer, type, shapes);
        Path file = directory.resolve("tiny.gguf");
        writer.write(file);
        return file;
    }

    @Test
    void ggufRotatesNeighbours() throws IOException {
        try (LlamaWeights weights = LlamaWeights.open(gguf(TinyLlama.gguf(), TensorType.F32, GGUF))) {
            assertThat(weights.config()).isEqualTo(TinyLlama.CONFIG);
            assertThat(weights.rotaryLayout()).isEqualTo(RotaryLayout.INTERLEAVED);
            assertThat(weights.ropeDivisors()).containsExactly(1, 1);
            assertThat(weights.name()).isEqualTo("tiny.gguf");
            assertThat(weights.output().equals(weights.embedding())).isFalse();
        }
    }

    @Test
    void huggingFaceRotatesHalves() {
        TinyLlama.writeSharded(directory);
        try (LlamaWeights weights = LlamaWeights.open(directory)) {
            assertThat(weights.config()).isEqualTo(TinyLlama.CONFIG);
            assertThat(weights.rotaryLayout()).isEqualTo(RotaryLayout.HALVES);
            assertThat(weights.ropeDivisors()).containsExactly(1, 1);
            assertThat(weights.name()).isEqualTo(directory.getFileName().toString());
            assertThat(weights.layers().get(1).down().type()).isEqualTo(TensorType.BF16);
            assertThat(FloatTensors.read(directory, weights.layers().get(1).down())).startsWith(0, 1, 2).endsWith(95);
        }
    }

    @Test
    void oneSafetensorsFileIsTheSameModelAsItsShards() {
        TinyLlama.writeSharded(directory);
        String sharded;
        try (LlamaWeights weights = LlamaWeights.open(directory)) {
            sharded = weights.fingerprint();
        }
        TinyLlama.writeSingle(directory);
        try (LlamaWeights weights = LlamaWeights.open(directory)) {
            assertThat(weights.fingerprint()).isEqualTo(sharded);
        }
    }

    @Test
    void aSplitGgufIsTheSameModelAsTheWholeOne() throws IOException {
        String whole;
        try (LlamaWeights weights = LlamaWeights.open(gguf(TinyLlama.gguf(), TensorType.F32, GGUF))) {
            whole = weights.fingerprint();
        }
        Path first = SplitGguf.write(directory, 3);
        try (LlamaWeights weights = LlamaWeights.open(first)) {
            assertThat(weights.fingerprint()).isEqualTo(whole);
            assertThat(weights.config()).isEqualTo(TinyLlama.CONFIG);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void normsBecomeF32(TensorType type) throws IOException {
        try (LlamaWeights weights = LlamaWeights.open(gguf(TinyLlama.gguf(), type, GGUF))) {
            Tensor norm = weights.layers().getFirst().ffnNorm();
            assertThat(norm.type()).isEqualTo(TensorType.F32);
            assertThat(FloatTensors.read(directory, norm)).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
            assertThat(weights.embedding().type()).isEqualTo(type);
        }
    }

    @Test
    void aMissingOutputIsTheEmbedding() throws IOException {
        List<Shape> tied = GGUF.subList(0, GGUF.size() - 1);
        try (LlamaWeights weights = LlamaWeights.open(gguf(TinyLlama.gguf(), TensorType.F32, tied))) {
            assertThat(weights.output()).isSameAs(weights.embedding());
        }
    }

    @Test
    void aTiedConfigurationNeedsNoOutputAndSaysSoWhenThereIsOne() {
        TinyLlama.writeSingle(directory);
        Map<String, String> tied = TinyLlama.config();
        tied.put("tie_word_embeddings", "true");
        TinyLlama.write(directory.resolve("config.json"), tied);
        try (LlamaWeights weights = LlamaWeights.open(directory)) {
            assertThat(weights.output()).isSameAs(weights.embedding());
            assertThat(weights.warnings()).singleElement().asString().contains("lm_head.weight");
        }
    }

    @Test
    void ropeFreqsAreDivisors() throws IOException {
        List<Shape> scaled = new ArrayList<>(GGUF);
        Path file = gguf(TinyLlama.gguf().vector("rope_freqs.weight", TensorType.F32, 2, () -> {
            byte[] values = TinyLlama.values(TensorType.F32, 4);
            return Arrays.copyOfRange(values, 4, 12);
        }), TensorType.F32, scaled);
        try (LlamaWeights weights = LlamaWeights.open(file)) {
            assertThat(weights.ropeDivisors()).containsExactly(1, 2);
            assertThat(weights.warnings()).isEmpty();
        }
    }

    @Test
    void anOldConversionOfLlama31GetsItsScalingAndAWarning() throws IOException {
        GgufWriter old = new GgufWriter().string("general.architecture", "llama")
                .uint32("llama.context_length", 131072).uint32("llama.embedding_length", 8)
                .uint32("llama.block_count", 2).uint32("llama.feed_forward_length", 12)
                .uint32("llama.attention.head_count", 2).uint32("llama.attention.head_count_kv", 1)
                .float32("llama.rope.freq_base", 500000f).float32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        try (LlamaWeights weights = LlamaWeights.open(gguf(old, TensorType.F32, GGUF))) {
            assertThat(weights.ropeDivisors()).containsExactly(RotaryScaling.LLAMA_3_1.divisors(4, 500000));
            assertThat(weights.warnings()).singleElement().asString().contains("rope_freqs.weight is missing");
        }
    }

    private static final String LLAMA3 = "\"rope_type\": \"llama3\", \"factor\": 32.0, \"low_freq_factor\": 1.0,"
            + " \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 32";

    @Test
    void ropeScalingMayBeAnObjectOfItsOwn() {
        TinyLlama.writeSingle(directory);
        Map<String, String> config = TinyLlama.config();
        config.put("rope_scaling", "{" + LLAMA3 + "}");
        assertScaled(config);
        config.put("rope_scaling", "{" + LLAMA3.replace("rope_type", "type") + "}");
        assertScaled(config);
    }

    @Test
    void ropeParametersMayHoldBaseAndScaling() {
        TinyLlama.writeSingle(directory);
        Map<String, String> config = TinyLlama.config();
        config.remove("rope_theta");
        config.put("rope_parameters", "{\"rope_theta\": 10000.0, " + LLAMA3 + "}");
        assertScaled(config);
    }

    private void assertScaled(Map<String, String> config) {
        TinyLlama.write(directory.resolve("config.json"), config);
        try (LlamaWeights weights = LlamaWeights.open(directory)) {
            // Wavelengths 6.3 (kept, below 32 / 4) and 628 (stretched fully, above 32 / 1).
            assertThat(weights.ropeDivisors()).containsExactly(1, 32);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"num_key_value_heads", "head_dim"})
    void fieldsThatOlderConfigurationsLackHaveTheirUsualDefault(String field) {
        Map<String, String> config = TinyLlama.config();
        config.put("num_key_value_heads", "2");
        config.put(field, "null");
        List<Shape> shapes = new ArrayList<>();
        for (Shape shape : TinyLlama.shapes(TensorNames.HUGGING_FACE)) {
            boolean keyOrValue = shape.name().contains("k_proj") || shape.name().contains("v_proj");
            shapes.add(keyOrValue ? new Shape(shape.name(), 8, 8) : shape);
        }
        TinyLlama.write(directory.resolve("config.json"), config);
        TinyLlama.write(directory.resolve("model.safetensors"), TinyLlama.safetensors(shapes));
        try (LlamaWeights weights = LlamaWeights.open(directory)) {
            assertThat(weights.config().kvHeads()).isEqualTo(2);
            assertThat(weights.config().headDim()).isEqualTo(4);
        }
    }

    @Test
    void theFingerprintFollowsTheContent() throws IOException {
        String f32;
        try (LlamaWeights weights = LlamaWeights.open(gguf(TinyLlama.gguf(), TensorType.F32, GGUF))) {
            f32 = weights.fingerprint();
            assertThat(f32).matches("[0-9a-f]{64}");
        }
        try (LlamaWeights same = LlamaWeights.open(gguf(TinyLlama.gguf(), TensorType.F32, GGUF))) {
            assertThat(same.fingerprint()).isEqualTo(f32);
        }
        try (LlamaWeights other = LlamaWeights.open(gguf(TinyLlama.gguf(), TensorType.F16, GGUF))) {
            assertThat(other.fingerprint()).isNotEqualTo(f32);
        }
        Path file = directory.resolve("tiny.gguf");
        byte[] bytes = Files.readAllBytes(gguf(TinyLlama.gguf(), TensorType.F32, GGUF));
        bytes[bytes.length - 1] ^= 1;
        TinyLlama.write(file, bytes);
        try (LlamaWeights other = LlamaWeights.open(file)) {
            assertThat(other.fingerprint()).isNotEqualTo(f32);
        }
    }

    @Test
    void theSummaryCountsTensorsByType() throws IOException {
        GgufWriter mixed = TinyLlama.gguf();
        TinyLlama.addTensors(mixed, TensorType.F16, GGUF.subList(0, 1));
        try (LlamaWeights weights = LlamaWeights.open(gguf(mixed, TensorType.F32, GGUF.subList(1, GGUF.size())))) {
            ModelSummary summary = ModelSummary.of(weights);
            long layer = 8 + 64 + 32 + 32 + 64 + 8 + 96 + 96 + 96;
            assertThat(summary.parameters()).isEqualTo(48 + 2 * layer + 8 + 48);
            assertThat(summary.types()).containsExactly(
                    new ModelSummary.TypeShare(TensorType.F32, 20, 2 * layer + 8 + 48, 4 * (2 * layer + 8 + 48)),
                    new ModelSummary.TypeShare(TensorType.F16, 1, 48, 96));
            assertThat(summary.bytes()).isEqualTo(weights.bytes()).isEqualTo(96 + 4 * (2 * layer + 56));
        }
    }

    @Test
    void closedWeightsCannotBeRead() throws IOException {
        LlamaWeights weights = LlamaWeights.open(gguf(TinyLlama.gguf(), TensorType.F32, GGUF));
        weights.close();
        assertThatThrownBy(() -> FloatTensors.read(directory, weights.embedding()))
                .isInstanceOf(IllegalStateException.class);
    }
}
