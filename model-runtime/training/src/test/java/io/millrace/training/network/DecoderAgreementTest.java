package io.millrace.training.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.model.Batch;
import io.millrace.runtime.model.Decoder;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.sampling.Logprobs;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.export.GgufWriter;
import io.millrace.runtime.weights.export.TensorEncoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.api.io.TempDir;

/** What is trained is what the runtime computes. */
class DecoderAgreementTest {
    private static final int LENGTH = 150;

    @ParameterizedTest
    @CsvSource({"2, 32, 48, 4, 2, 16", "3, 96, 160, 3, 1, 32", "1, 128, 96, 2, 2, 64"})
    void theDecoderGivesTheSameProbabilities(int layers, int hidden, int ffn, int heads, int kvHeads, int headDim,
            @TempDir Path directory) throws IOException {
        NetworkShape shape = new NetworkShape(97, layers, hidden, ffn, heads, kvHeads, headDim, 10_000, 1e-5f);
        Parameters parameters = Parameters.random(shape, 3);
        Random random = new Random(4);
        for (Parameter parameter : parameters.all()) {
            float[] values = parameter.values();
            for (int i = 0; i < values.length; i++) {
                values[i] += (float) (0.1 * random.nextGaussian());
            }
        }
        int[] tokens = random.ints(LENGTH, 0, shape.vocabSize()).toArray();
        Path file = directory.resolve("model.gguf");
        write(parameters, file);
        float[] expected = decode(file, tokens);
        boolean[] learned = new boolean[LENGTH];
        Arrays.fill(learned, true);
        try (WorkerPool workers = new WorkerPool(2)) {
            float[] actual = new Network(parameters, LENGTH, workers)
                    .forward(new TokenBatch(tokens, new int[]{0}, learned));
            for (int i = 1; i < LENGTH; i++) {
                assertThat(actual[i]).as("token %d", i).isCloseTo(expected[i], within(1e-4f));
            }
        }
    }

    private static void write(Parameters parameters, Path file) throws IOException {
        NetworkShape shape = parameters.shape();
        GgufWriter writer = new GgufWriter().string("general.architecture", "llama")
                .uint32("llama.context_length", LENGTH).uint32("llama.embedding_length", shape.hidden())
                .uint32("llama.block_count", shape.layers()).uint32("llama.feed_forward_length", shape.ffn())
                .uint32("llama.attention.head_count", shape.heads())
                .uint32("llama.attention.head_count_kv", shape.kvHeads())
                .uint32("llama.attention.key_length", shape.headDim())
                .uint32("llama.attention.value_length", shape.headDim())
                .float32("llama.rope.freq_base", shape.ropeTheta())
                .float32("llama.attention.layer_norm_rms_epsilon", shape.rmsEps());
        for (Parameter parameter : parameters.all()) {
            byte[] bytes = TensorEncoder.encode(TensorType.F32, parameter.values());
            if (parameter.matrix()) {
                writer.matrix(parameter.name(), TensorType.F32, parameter.rows(), parameter.cols(), () -> bytes);
            } else {
                writer.vector(parameter.name(), TensorType.F32, parameter.cols(), () -> bytes);
            }
        }
        writer.write(file);
    }

    private static float[] decode(Path file, int[] tokens) {
        float[] expected = new float[tokens.length];
        try (LlamaWeights weights = LlamaWeights.open(file);
                PackedWeights packed = PackedWeights.inMemory(weights);
                WorkerPool workers = new WorkerPool(1)) {
            KvLayout layout = KvLayout.of(weights.config(), KvType.F32);
            int blocks = KvLayout.blocksFor(tokens.length);
            try (KvBlockPool pool = new KvBlockPool(layout, blocks * layout.blockBytes())) {
                BlockTable table = new BlockTable();
                for (int i = 0; i < blocks; i++) {
                    table.append(pool.allocate());
                }
                Batch batch = new Batch(tokens.length, tokens.length);
                for (int i = 0; i < tokens.length; i++) {
                    batch.add(tokens[i], i, table, true);
                }
                Decoder decoder = new Decoder(weights, packed, KernelProvider.kernels(), workers, pool, tokens.length,
                        tokens.length);
                decoder.forward(batch);
                Logprobs logprobs = new Logprobs(weights.config().vocabSize());
                for (int i = 1; i < tokens.length; i++) {
                    float[] logits = decoder.logits(i - 1);
                    logprobs.of(logits, 1);
                    expected[i] = logprobs.ofLogit(logits[tokens[i]]);
                }
            }
        }
        return expected;
    }
}
