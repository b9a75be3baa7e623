package io.millrace.runtime.weights.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.runtime.weights.GgufFile;
import io.millrace.runtime.weights.GgufMetadata;
import io.millrace.runtime.weights.LlamaConfig;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.RotaryScaling;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SampleModelTest {
    private static final SampleModel.Options DEFAULTS = SampleModel.Options.defaults();

    private final Path directory;

    SampleModelTest(@TempDir Path directory) {
        this.directory = directory;
    }

    private Path write(String name, SampleModel.Options options) throws IOException {
        Path file = directory.resolve(name);
        SampleModel.write(file, options);
        return file;
    }

    @Test
    void opensAsALlamaOfItsGeometry() throws IOException {
        Path file = write("sample.gguf", DEFAULTS);
        assertThat(Files.size(file)).isBetween(1_500_000L, 4_000_000L);
        try (LlamaWeights weights = LlamaWeights.open(file)) {
            assertThat(weights.config()).isEqualTo(new LlamaConfig(4, 128, 768, 8, 2, 32, 1024, 8192, 1e-5f, 500000f));
            assertThat(weights.output()).isNotEqualTo(weights.embedding());
            assertThat(weights.ropeDivisors()).containsExactly(RotaryScaling.LLAMA_3_1.divisors(32, 500000));
            assertThat(weights.warnings()).isEmpty();
        }
    }

    @Test
    void equalOptionsGiveEqualBytes() throws IOException {
        assertThat(write("a.gguf", DEFAULTS)).hasSameBinaryContentAs(write("b.gguf", DEFAULTS));
        assertThat(Files.mismatch(write("a.gguf", DEFAULTS), write("c.gguf", DEFAULTS.withSeed(2)))).isPositive();
    }

    @Test
    void theBytesAreThoseOfEveryEarlierVersion() throws Exception {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(write("d.gguf", DEFAULTS)));
        assertThat(HexFormat.of().formatHex(digest))
                .isEqualTo("a2d457957433a270e2fc9bc7df4ef4eaccde080b7f17eff0979af8bcb3284b1f");
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16", "Q8_0", "Q4_0"})
    void writesEveryPlainType(TensorType type) throws IOException {
        SampleModel.Options options = DEFAULTS.withType(type).withGeometry(1, 64, 96, 2, 1, 32);
        try (LlamaWeights weights = LlamaWeights.open(write("typed.gguf", options))) {
            assertThat(weights.embedding().type()).isEqualTo(type);
            assertThat(weights.layers().getFirst().down().type()).isEqualTo(type);
        }
    }

    @Test
    void canBeTiedAndWithoutRotaryScaling() throws IOException {
        Path file = write("tied.gguf", DEFAULTS.withTied(true).withRopeScaling(false));
        try (LlamaWeights weights = LlamaWeights.open(file)) {
            assertThat(weights.output()).isEqualTo(weights.embedding());
            assertThat(weights.ropeDivisors()).containsOnly(1f);
        }
    }

    @Test
    void rejectsAGeometryThatNoLlamaHas() {
        assertThatThrownBy(() -> DEFAULTS.withGeometry(1, 64, 96, 3, 2, 32))
                .hasMessageContaining("multiple of kvHeads");
        assertThatThrownBy(() -> DEFAULTS.withGeometry(0, 64, 96, 2, 1, 32)).hasMessageContaining("above 0");
        assertThatThrownBy(() -> DEFAULTS.withGeometry(1, 64, 100, 2, 1, 32)).hasMessageContaining("multiples of 32");
    }

    @Test
    void theVocabularyIsBytesThenLearnedPiecesThenTheSpecialsOfLlama31() throws IOException {
        try (GgufFile file = GgufFile.open(write("sample.gguf", DEFAULTS))) {
            GgufMetadata metadata = file.metadata();
            List<String> tokens = metadata.strings("tokenizer.ggml.tokens");
            List<String> merges = metadata.strings("tokenizer.ggml.merges");
            assertThat(tokens).hasSize(1024).doesNotHaveDuplicates().contains("Ġriver", "Ġthe", "Ġand", "Ġmill");
            assertThat(tokens.subList(0, 3)).containsExactly("!", "\"", "#");
            assertThat(tokens.get(220)).isEqualTo("Ġ");
            assertThat(merges).hasSize(752);
            HashSet<String> known = new HashSet<>(tokens.subList(0, 256));
            for (int i = 0; i < merges.size(); i++) {
                String[] pair = merges.get(i).split(" ");
                assertThat(known).contains(pair);
                assertThat(tokens.get(256 + i)).isEqualTo(pair[0] + pair[1]);
                known.add(pair[0] + pair[1]);
            }
            assertThat(tokens.get(metadata.integer("tokenizer.ggml.bos_token_id"))).isEqualTo("<|begin_of_text|>");
            assertThat(tokens.get(metadata.integer("tokenizer.ggml.eot_token_id"))).isEqualTo("<|eot_id|>");
            assertThat(tokens.get(1008 + 6)).isEqualTo("<|start_header_id|>");
            assertThat(metadata.integers("tokenizer.ggml.token_type")).startsWith(1, 1).endsWith(3, 3).hasSize(1024);
        }
    }

    @Test
    void bytesAreHardlyEverDrawnAndTheEndOfATurnMayBe() throws IOException {
        try (LlamaWeights weights = LlamaWeights.open(write("f32.gguf", DEFAULTS.withType(TensorType.F32)))) {
            Tensor output = weights.output();
            assertThat(row(output, 5)).containsOnly((byte) 0);
            assertThat(row(output, 1008)).containsOnly((byte) 0);
            assertThat(row(output, 1008 + 9)).isNotEqualTo(row(output, 1008));
            assertThat(row(output, 300)).isNotEqualTo(row(output, 1008));
        }
    }

    private static byte[] row(Tensor tensor, int row) {
        return tensor.data().asSlice(tensor.rowOffset(row), tensor.type().rowBytes(tensor.cols()))
                .toArray(ValueLayout.JAVA_BYTE);
    }
}
