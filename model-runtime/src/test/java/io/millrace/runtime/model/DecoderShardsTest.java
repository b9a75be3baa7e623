package io.millrace.runtime.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.ScalarKernels;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.model.ShardChain.Part;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LayerSplit;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Shards that hand the residual stream on compute the bits of the whole model: logits, and every layer's keys and values. */
class DecoderShardsTest {
    private static final int SEQUENCES = 3;
    private static final SampleModel.Options Q8 = SampleModel.Options.defaults().withGeometry(5, 64, 96, 4, 2, 16);
    /** Rows that are no multiple of what kernels take at once. */
    private static final SampleModel.Options ODD = Q8.withType(TensorType.F32).withGeometry(5, 48, 80, 6, 2, 10);

    private final Path model;

    DecoderShardsTest(@TempDir Path directory) {
        model = directory.resolve("model.gguf");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            Q8_0 | true  | 0-1,2-4     | F16 | 1 | vector
            Q8_0 | false | 0-1,2-4     | Q8  | 2 | vector
            Q8_0 | false | 0,1-3,4     | F16 | 2 | scalar
            Q4_0 | true  | 0-2,3,4     | Q8  | 1 | scalar
            Q4_0 | false | 0,1,2,3,4   | F16 | 2 | vector
            F32  | true  | 0-1,2-4     | F32 | 2 | vector
            F32  | false | 0-1,2-3,4   | Q8  | 1 | vector
            """)
    void aChainGivesTheBitsOfTheWhole(TensorType type, boolean tied, String split, KvType kvType, int threads,
            String kernels) throws IOException {
        SampleModel.write(model, (type == TensorType.F32 ? ODD : Q8).withType(type).withTied(tied));
        var chosen = kernels.equals("scalar") ? new ScalarKernels() : KernelProvider.kernels();
        try (ShardChain whole = new ShardChain(model, LayerSplit.parse("0-4"), KernelProvider.kernels(), kvType, 1,
                SEQUENCES);
                ShardChain chain = new ShardChain(model, LayerSplit.parse(split), chosen, kvType, threads,
                        SEQUENCES)) {
            assertSameBits(chain, whole, 200);
        }
    }

    @ParameterizedTest
    @CsvSource({"tiny-f32.gguf", "tiny-hf", "odd-q4_0.gguf", "mini-q4_k_m.gguf"})
    void aChainGivesTheBitsOfTheWholeWithEveryFormat(String name) throws IOException {
        Path golden = GoldenOutputs.file(name);
        int layers;
        try (LlamaWeights weights = LlamaWeights.open(golden)) {
            layers = weights.config().layers();
        }
        LayerSplit halves = new LayerSplit(List.of(new LayerRange(0, 1), new LayerRange(1, layers)));
        try (ShardChain whole = new ShardChain(golden, new LayerSplit(List.of(new LayerRange(0, layers))),
                KernelProvider.kernels(), KvType.F16, 1, SEQUENCES);
                ShardChain chain = new ShardChain(golden, halves, KernelProvider.kernels(), KvType.F16, 2,
                        SEQUENCES)) {
            assertSameBits(chain, whole, 200);
        }
    }

    /** Prompts in chunks beside single tokens of other sequences, as they come. */
    private static void assertSameBits(ShardChain actual, ShardChain expected, int vocabulary) {
        SplittableRandom random = new SplittableRandom(5);
        for (int step = 0; step < 20; step++) {
            List<Part> parts = new ArrayList<>();
            for (int sequence = 0; sequence < SEQUENCES; sequence++) {
                int rows = (step + sequence) % SEQUENCES == 0 ? random.nextInt(2, 18) : 1;
                if ((step + 2 * sequence) % 4 != 0) {
                    parts.add(new Part(sequence, random.ints(rows, 0, vocabulary).toArray()));
                }
            }
            assertThat(actual.step(parts)).as("logits of step %d", step).isDeepEqualTo(expected.step(parts));
        }
        for (int sequence = 0; sequence < SEQUENCES; sequence++) {
            assertThat(actual.cache(sequence)).as("cache of sequence %d", sequence)
                    .isDeepEqualTo(expected.cache(sequence));
            assertThat(expected.cache(sequence).length).as("blocks of sequence %d", sequence).isGreaterThan(2);
        }
    }

    @Test
    void aShardTakesAndGivesWhatItsPlaceInTheChainWants() throws IOException {
        SampleModel.write(model, Q8);
        try (ShardChain chain = new ShardChain(model, LayerSplit.parse("0-1,2-4"), KernelProvider.kernels(),
                KvType.F16, 1, 1)) {
            chain.step(List.of(new Part(0, 7)));
            Batch batch = new Batch(1, 1);
            float[] hidden = new float[64];
            assertThatIllegalStateException().isThrownBy(() -> chain.decoder(0).forward(batch, hidden))
                    .withMessage("layers 0-1 take tokens, not what a shard gives");
            assertThatIllegalStateException().isThrownBy(() -> chain.decoder(1).forward(batch))
                    .withMessage("layers 2-4 take what the shard before them gives, not tokens");
            assertThatIllegalStateException().isThrownBy(() -> chain.decoder(1).hidden(hidden))
                    .withMessage("layers 2-4 are the model's last; they give logits");
            batch.add(0, 0, new BlockTable(), false);
            assertThatIllegalArgumentException().isThrownBy(() -> chain.decoder(1).forward(batch, new float[63]))
                    .withMessage("63 hidden values for 1 rows of 64");
        }
    }

    @Test
    void theCacheMustBeThatOfTheRange() throws IOException {
        SampleModel.write(model, Q8);
        try (LlamaWeights weights = LlamaWeights.open(model, _ -> new LayerRange(2, 5));
                PackedWeights packed = PackedWeights.inMemory(weights);
                WorkerPool workers = new WorkerPool(1);
                KvBlockPool pool = new KvBlockPool(KvLayout.of(weights.config(), KvType.F16), 1 << 20)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new Decoder(weights, packed, KernelProvider.kernels(), workers, pool, 1, 1))
                    .withMessageContaining("does not fit layers 2-4 of the model");
        }
    }
}
