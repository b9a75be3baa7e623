package io.millrace.job.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DecoderBenchTest {
    private static final int HIDDEN = 64;
    private static final int FFN = 128;
    private static final int KV_WIDTH = 32;
    private static final int LAYERS = 2;
    private static final long LAYER_VALUES = LAYERS
            * (2L * HIDDEN * HIDDEN + 2L * KV_WIDTH * HIDDEN + 3L * FFN * HIDDEN);

    private static LlamaWeights weights;
    private static PackedWeights packed;

    @BeforeAll
    static void openModel(@TempDir Path temporary) throws IOException {
        Path model = temporary.resolve("small.gguf");
        SampleModel.write(model, SampleModel.Options.defaults().withGeometry(LAYERS, HIDDEN, FFN, 4, 2, 16)
                .withContextLength(1024).withType(TensorType.F16));
        weights = LlamaWeights.open(model);
        packed = PackedWeights.inMemory(weights);
    }

    @AfterAll
    static void closeModel() {
        packed.close();
        weights.close();
    }

    private static List<BenchResult> measure(BenchPlan plan, AtomicLong computed) {
        try (DecoderBench bench = new DecoderBench(weights, packed, plan, KvType.F16, 2, computed::addAndGet)) {
            return bench.measure(new MachineLimits(1, 1));
        }
    }

    /** A prompt longer than a pass, and decode tests that grow and shrink. */
    @Test
    void everyTestRunsAndEveryTokenIsCounted() {
        BenchPlan plan = new BenchPlan(DecoderBench.MAX_ROWS + 1, 3, List.of(1, 5, 2), List.of(0), 20, 2);
        AtomicLong computed = new AtomicLong();

        assertThat(measure(plan, computed)).extracting(BenchResult::test, BenchResult::depth, BenchResult::batch)
                .containsExactly(tuple("pp257", 0, 1), tuple("tg3", 0, 1), tuple("tg3", 0, 5), tuple("tg3", 0, 2));
        assertThat(computed).hasValue(3 * 257 + 20 + (1 + 5 + 2) * (3 + 2 * 3)).hasValue(plan.tokens());
    }

    /** A depth is filled with copies of what one pass computes, also when it is no multiple of a block. */
    @Test
    void allTestsRunAtEveryDepth() {
        BenchPlan plan = new BenchPlan(7, 2, List.of(1, 3), List.of(600, 0, 17), 5, 1);
        AtomicLong computed = new AtomicLong();

        assertThat(measure(plan, computed)).extracting(BenchResult::test, BenchResult::depth, BenchResult::batch)
                .containsExactly(tuple("pp7", 600, 1), tuple("tg2", 600, 1), tuple("tg2", 600, 3), tuple("pp7", 0, 1),
                        tuple("tg2", 0, 1), tuple("tg2", 0, 3), tuple("pp7", 17, 1), tuple("tg2", 17, 1),
                        tuple("tg2", 17, 3));
        assertThat(computed).hasValue(256 + 3 * (2 * 7 + 5 + (1 + 3) * (2 + 2))).hasValue(plan.tokens());
    }

    @Test
    void theWorkIsThatOfMatricesAndAttention() {
        ModelWork work = ModelWork.of(weights, packed, KvLayout.of(weights.config(), KvType.F16));
        long output = (long) weights.config().vocabSize() * HIDDEN;

        assertThat(work.bytes(3, 1, 10)).isEqualTo(2 * (3 * LAYER_VALUES + output) + 10 * 2 * 2 * KV_WIDTH * LAYERS);
        assertThat(work.operations(7, 2, 10))
                .isEqualTo(2 * (7 * LAYER_VALUES + 2 * output + 10 * 2 * HIDDEN * LAYERS));
    }

    @Test
    void aRowLooksAtThePositionsBeforeItAndAtItself() {
        assertThat(ModelWork.attended(0, 3)).isEqualTo(1 + 2 + 3);
        assertThat(ModelWork.attended(100, 2)).isEqualTo(101 + 102);
    }

    @Test
    void aBatchLargerThanAPassIsRefused() {
        BenchPlan plan = new BenchPlan(1, 1, List.of(DecoderBench.MAX_ROWS + 1), List.of(0), 1, 1);

        assertThatThrownBy(() -> new DecoderBench(weights, packed, plan, KvType.F16, 1, _ -> {}))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("257");
    }
}
