package io.millrace.runtime.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.ScalarKernels;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.weights.LlamaWeights;
import java.io.IOException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The recorded prompts and their greedy continuations: the same tokens, and the same bits from every form of a model. */
class GoldenPromptsTest {
    private static final int CHUNK = 128;
    /** A smaller lead of the best token over the second may be rounding. */
    private static final double CLEAR_GAP = 1e-3;

    @ParameterizedTest
    @CsvSource({"tiny-f32.gguf, tiny-f32", "odd-f32.gguf, odd-f32", "tiny-hf, tiny-f32", "odd-hf, odd-f32"})
    void theLikeliestTokensAreTheRecordedOnes(String model, String outputs) throws IOException {
        try (LlamaWeights weights = LlamaWeights.open(GoldenOutputs.file(model));
                DecoderSession session = session(weights, KvType.F32)) {
            for (GoldenOutputs.Prompt prompt : GoldenOutputs.of(outputs).f32()) {
                session.reset();
                int last = prompt.tokens().length - 1;
                float[] logits = session.append(prompt.tokens(), CHUNK, last)[0];
                for (int i = 0; i < prompt.greedy().length; i++) {
                    if (prompt.greedyGap()[i] > CLEAR_GAP) {
                        assertThat(argmax(logits)).as("%s, step %d", prompt.name(), i).isEqualTo(prompt.greedy()[i]);
                    }
                    logits = session.append(new int[]{prompt.greedy()[i]}, 1, session.position())[0];
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny", "odd"})
    void aGgufAndADirectoryOfTheSameWeightsGiveTheSameBits(String set) throws IOException {
        try (LlamaWeights gguf = LlamaWeights.open(GoldenOutputs.file(set + "-f32.gguf"));
                LlamaWeights directory = LlamaWeights.open(GoldenOutputs.file(set + "-hf"));
                DecoderSession first = session(gguf, KvType.F16);
                DecoderSession second = session(directory, KvType.F16)) {
            for (GoldenOutputs.Prompt prompt : GoldenOutputs.of(set + "-f32").f32()) {
                first.reset();
                second.reset();
                assertThat(second.append(prompt.tokens(), CHUNK, prompt.wanted()))
                        .isDeepEqualTo(first.append(prompt.tokens(), CHUNK, prompt.wanted()));
                assertThat(second.cache()).isDeepEqualTo(first.cache());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mini-q4_k_m.gguf", "mini-q5_k_m.gguf", "mini-q6_k.gguf"})
    void chunksThreadsAndKernelsDoNotMatterForMixedTypes(String model) throws IOException {
        GoldenOutputs.Prompt prompt = GoldenOutputs.of(model.replace(".gguf", "")).f32().get(1);
        try (LlamaWeights weights = LlamaWeights.open(GoldenOutputs.file(model));
                DecoderSession expected = new DecoderSession(weights, new ScalarKernels(), KvType.F16, 1, 1, 40);
                DecoderSession actual = new DecoderSession(weights, KernelProvider.kernels(), KvType.F16, 3, 40, 40)) {
            assertThat(actual.append(prompt.tokens(), 17, prompt.wanted()))
                    .isDeepEqualTo(expected.append(prompt.tokens(), 1, prompt.wanted()));
            assertThat(actual.cache()).isDeepEqualTo(expected.cache());
        }
    }

    private static DecoderSession session(LlamaWeights weights, KvType type) {
        return new DecoderSession(weights, KernelProvider.kernels(), type, 2, CHUNK, 1024);
    }

    private static int argmax(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return best;
    }
}
