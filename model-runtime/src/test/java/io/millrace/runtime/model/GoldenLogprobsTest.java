package io.millrace.runtime.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.weights.LlamaWeights;
import java.io.IOException;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What another runtime computed on the same files, in f32 throughout. */
class GoldenLogprobsTest {
    private static final int CHUNK = 128;
    private final Kernels kernels = KernelProvider.kernels();

    @ParameterizedTest
    @CsvSource({"tiny-f32.gguf, tiny-f32, 2e-4", "odd-f32.gguf, odd-f32, 2e-4", "long-f32.gguf, long-f32, 1e-3",
            "tiny-hf, tiny-f32, 2e-4", "odd-hf, odd-f32, 2e-4"})
    void everyRecordedLogprobOfAnF32ModelIsMet(String model, String outputs, double tolerance) throws IOException {
        Deviation deviation = deviation(model, GoldenOutputs.of(outputs), 20, KvType.F32);
        assertThat(deviation.max()).isLessThan(tolerance);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-f16", "tiny-bf16", "mini-bf16", "tiny-q8_0", "odd-q8_0", "mini-q8_0",
            "realvocab-q8_0"})
    void withActivationsInF32AModelIsItsExactFunction(String model) throws IOException {
        assertThat(deviation(model + ".gguf", GoldenOutputs.of(model), 10, KvType.F32).max()).isLessThan(1e-3);
    }

    /** That runtime rounds them too. */
    @ParameterizedTest
    @ValueSource(strings = {"tiny-q4_0", "odd-q4_0", "mini-q4_0", "mini-q4_0_mix", "mini-q4_k_m", "mini-q5_k_m",
            "mini-q6_k"})
    void withRoundedActivationsAModelIsAsCloseToItsExactFunctionAsThatRuntime(String model) throws IOException {
        GoldenOutputs golden = GoldenOutputs.of(model);
        double peer = Objects.requireNonNull(golden.difference()).rms();
        assertThat(deviation(model + ".gguf", golden, 10, KvType.F32).rms()).isLessThan(1.25 * peer);
    }

    /** Root mean squares of the differences, in natural logarithms; for these peaked models q8 costs as much as 8-bit weights do. */
    @ParameterizedTest
    @CsvSource({"F16, tiny-f32, 0.004", "BF16, tiny-f32, 0.03", "Q8, tiny-f32, 0.05", "F16, odd-f32, 0.004",
            "BF16, odd-f32, 0.03", "Q8, odd-f32, 0.05", "F16, long-f32, 0.004", "BF16, long-f32, 0.03",
            "Q8, long-f32, 0.05"})
    void aSmallerCacheCostsLittlePrecision(KvType type, String model, double tolerance) throws IOException {
        assertThat(deviation(model + ".gguf", GoldenOutputs.of(model), 10, type).rms()).isLessThan(tolerance);
    }

    private record Deviation(double max, double rms) {}

    private Deviation deviation(String model, GoldenOutputs golden, int top, KvType type) throws IOException {
        double max = 0;
        double squares = 0;
        int count = 0;
        int longest = golden.f32().stream().mapToInt(prompt -> prompt.tokens().length).max().orElseThrow();
        try (LlamaWeights weights = LlamaWeights.open(GoldenOutputs.file(model));
                DecoderSession session = new DecoderSession(weights, kernels, type, 2, CHUNK, longest)) {
            for (GoldenOutputs.Prompt prompt : golden.f32()) {
                session.reset();
                float[][] logits = session.append(prompt.tokens(), CHUNK, prompt.wanted());
                for (int i = 0; i < logits.length; i++) {
                    double[][] expected = prompt.positions().get(i).top();
                    double logSum = logSumExp(logits[i]);
                    for (int t = 0; t < top; t++) {
                        double difference = Math.abs(logits[i][(int) expected[t][0]] - logSum - expected[t][1]);
                        max = Math.max(max, difference);
                        squares += difference * difference;
                        count++;
                    }
                }
            }
        }
        return new Deviation(max, Math.sqrt(squares / count));
    }

    private static double logSumExp(float[] logits) {
        double max = IntStream.range(0, logits.length).mapToDouble(i -> logits[i]).max().orElseThrow();
        return max + Math.log(IntStream.range(0, logits.length).mapToDouble(i -> Math.exp(logits[i] - max)).sum());
    }
}
