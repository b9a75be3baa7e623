package io.millrace.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The recorded models open and have the geometry that their README states. */
class GoldenModelsTest {

    private static Path golden(String name) {
        Path path = Path.of(System.getProperty("millrace.shared", "absent"), "golden", name);
        assumeTrue(Files.exists(path), "the recorded models are not here: " + path);
        return path;
    }

    private static LlamaConfig geometry(String set) {
        return switch (set) {
            case "tiny" -> new LlamaConfig(3, 64, 192, 8, 2, 8, 1024, 2048, 1e-5f, 500000f);
            case "odd" -> new LlamaConfig(2, 96, 160, 6, 3, 16, 800, 2048, 1e-5f, 500000f);
            case "mini" -> new LlamaConfig(2, 256, 768, 4, 2, 64, 1024, 2048, 1e-5f, 500000f);
            case "long" -> new LlamaConfig(2, 64, 192, 4, 2, 32, 512, 16384, 1e-5f, 500000f);
            case "realvocab" -> new LlamaConfig(2, 64, 192, 8, 2, 8, 128256, 2048, 1e-5f, 500000f);
            default -> throw new IllegalArgumentException(set);
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-f32", "tiny-f16", "tiny-bf16", "tiny-q8_0", "tiny-q4_0", "odd-f32", "odd-q8_0",
            "odd-q4_0", "mini-bf16", "mini-q8_0", "mini-q4_0", "mini-q4_0_mix", "mini-q4_k_m", "mini-q5_k_m",
            "mini-q6_k", "long-f32", "realvocab-q8_0"})
    void aGgufHasItsGeometry(String name) {
        String set = name.substring(0, name.indexOf('-'));
        boolean tied = set.equals("odd") || set.equals("realvocab");
        try (LlamaWeights weights = LlamaWeights.open(golden(name + ".gguf"))) {
            assertThat(weights.config()).isEqualTo(geometry(set));
            assertThat(weights.layers()).hasSize(geometry(set).layers());
            assertThat(weights.rotaryLayout()).isEqualTo(RotaryLayout.INTERLEAVED);
            assertThat(weights.output().equals(weights.embedding())).isEqualTo(tied);
            assertThat(weights.warnings()).isEmpty();
            assertThat(weights.name()).startsWith("synthetic-");
            assertThat(weights.outputNorm().type()).isEqualTo(TensorType.F32);
        }
    }

    @ParameterizedTest
    @CsvSource({"tiny-q8_0, Q8_0", "tiny-q4_0, Q4_0", "tiny-f16, F16", "mini-bf16, BF16", "mini-q6_k, Q6_K",
            "mini-q4_k_m, Q4_K", "mini-q5_k_m, Q5_K"})
    void matricesHaveTheTypeOfTheFile(String name, TensorType type) {
        try (LlamaWeights weights = LlamaWeights.open(golden(name + ".gguf"))) {
            assertThat(weights.layers().getFirst().query().type()).isEqualTo(type);
        }
    }

    @ParameterizedTest
    @CsvSource({"tiny, true", "odd, false", "mini, true", "long, true"})
    void ropeFreqsAreTheDivisorsOfTheLlama31Scaling(String set, boolean scaled) {
        String type = set.equals("mini") ? "-bf16" : "-f32";
        try (LlamaWeights weights = LlamaWeights.open(golden(set + type + ".gguf"))) {
            int headDim = weights.config().headDim();
            float[] expected = scaled ? RotaryScaling.LLAMA_3_1.divisors(headDim, 500000) : RotaryScaling.none(headDim);
            assertThat(weights.ropeDivisors()).containsExactly(expected, within(1e-6f));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny", "odd"})
    void aHuggingFaceDirectoryHoldsTheValuesOfTheF32Gguf(String set) {
        try (LlamaWeights hf = LlamaWeights.open(golden(set + "-hf"));
                LlamaWeights gguf = LlamaWeights.open(golden(set + "-f32.gguf"))) {
            assertThat(hf.config()).isEqualTo(gguf.config()).isEqualTo(geometry(set));
            assertThat(hf.rotaryLayout()).isEqualTo(RotaryLayout.HALVES);
            assertThat(hf.name()).isEqualTo(set + "-hf");
            assertThat(hf.warnings()).isEmpty();
            assertThat(hf.ropeDivisors()).containsExactly(gguf.ropeDivisors(), within(1e-6f));
            for (int i = 0; i < hf.tensors().size(); i++) {
                Tensor tensor = hf.tensors().get(i);
                if (!tensor.name().contains("q_proj") && !tensor.name().contains("k_proj")) {
                    assertThat(values(tensor)).as(tensor.name()).isEqualTo(values(gguf.tensors().get(i)));
                }
            }
            assertThat(pairs(values(hf.layers().getFirst().query()), gguf.config()))
                    .isEqualTo(values(gguf.layers().getFirst().query()));
        }
    }

    private static float[] values(Tensor tensor) {
        return FloatTensors.read(Path.of("golden"), tensor);
    }

    /** Reorders the rows of a query matrix from halves to neighbours. */
    private static float[] pairs(float[] halves, LlamaConfig config) {
        float[] pairs = new float[halves.length];
        int cols = config.hidden();
        for (int row = 0; row < config.queryWidth(); row++) {
            int head = row / config.headDim() * config.headDim();
            int inHead = row % config.headDim();
            int source = head + inHead / 2 + inHead % 2 * (config.headDim() / 2);
            System.arraycopy(halves, source * cols, pairs, row * cols, cols);
        }
        return pairs;
    }
}
