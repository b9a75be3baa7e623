package io.millrace.runtime.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kernels.ScalarKernels;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.weights.LlamaConfig;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Rows at the end of sequences of every length, on one layer of two. */
class AttentionTest {
    private static final int LAYER = 1;
    private static final int ROWS = 40;

    private static LlamaConfig config(int queriesPerHead) {
        return config(2, queriesPerHead);
    }

    private static LlamaConfig config(int kvHeads, int queriesPerHead) {
        return new LlamaConfig(2, 64, 64, kvHeads * queriesPerHead, kvHeads, 16, 256, 1 << 17, 1e-5f, 10_000);
    }

    /** A sequence of random keys and values. */
    private static final class Cache implements AutoCloseable {
        private final LlamaConfig config;
        private final KvBlockPool pool;
        private final BlockTable blocks = new BlockTable();
        private final float[] keys;
        private final float[] values;

        Cache(LlamaConfig config, KvType type, int positions) {
            this.config = config;
            KvLayout layout = KvLayout.of(config, type);
            pool = new KvBlockPool(layout, KvLayout.blocksFor(positions) * layout.blockBytes());
            KvAccess kv = new KvAccess(layout, new ScalarKernels());
            keys = random(positions * config.kvWidth(), 1);
            values = random(positions * config.kvWidth(), 2);
            for (int position = 0; position < positions; position++) {
                if (position == blocks.positions()) {
                    blocks.append(pool.allocate());
                }
                for (int head = 0; head < config.kvHeads(); head++) {
                    int at = position * config.kvWidth() + head * config.headDim();
                    kv.storeKey(pool.block(blocks.get(position / 16)), LAYER, head, position % 16, keys, at);
                    kv.storeValue(pool.block(blocks.get(position / 16)), LAYER, head, position % 16, values, at);
                }
            }
        }

        /** Attention of rows at positions {@code first} and following, in batches of {@code chunk} rows. */
        float[] attend(Kernels kernels, int first, int rows, int chunk) {
            return attend(kernels, first, rows, chunk, 1);
        }

        /** The same, with the tasks of {@code threads} threads, which take turns. */
        float[] attend(Kernels kernels, int first, int rows, int chunk, int threads) {
            KvAccess kv = new KvAccess(pool.layout(), kernels);
            Attention attention = new Attention(config, kernels, pool, kv, threads, chunk);
            int width = config.queryWidth();
            float[] queries = random(rows * width, 3);
            float[] out = new float[rows * width];
            Batch batch = new Batch(chunk, chunk);
            for (int from = 0; from < rows; from += chunk) {
                int count = Math.min(chunk, rows - from);
                batch.clear();
                for (int row = 0; row < count; row++) {
                    batch.add(0, first + from + row, blocks, false);
                }
                float[] part = new float[count * width];
                System.arraycopy(queries, from * width, part, 0, part.length);
                float[] attended = new float[part.length];
                attention.plan(batch);
                for (int task = 0; task < attention.tasks(); task++) {
                    attention.run(task, task % threads, batch, LAYER, part, width, attended, width);
                }
                System.arraycopy(attended, 0, out, from * width, attended.length);
            }
            return out;
        }

        @Override
        public void close() {
            pool.close();
        }
    }

    private static float[] random(int count, long seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextFloat(-1, 1);
        }
        return values;
    }

    /** First positions around the borders of blocks and tiles. */
    @ParameterizedTest
    @CsvSource({"0, 1", "1, 2", "15, 3", "16, 4", "40, 4", "63, 1", "64, 3", "100, 5", "127, 4", "170, 2"})
    void rowsTogetherGetTheBitsOfRowsAlone(int first, int queriesPerHead) {
        try (Cache cache = new Cache(config(queriesPerHead), KvType.F16, first + ROWS)) {
            float[] alone = cache.attend(new ScalarKernels(), first, ROWS, 1);
            for (int chunk : new int[]{1, 3, 16, ROWS}) {
                assertThat(cache.attend(KernelProvider.kernels(), first, ROWS, chunk)).isEqualTo(alone);
            }
        }
    }

    /** The number of threads decides how many heads share a task, if they share one. */
    @ParameterizedTest
    @CsvSource({"1, 4", "2, 3", "3, 2", "6, 1", "8, 2"})
    void theBitsDoNotDependOnTheNumberOfThreads(int kvHeads, int queriesPerHead) {
        int first = 100;
        try (Cache cache = new Cache(config(kvHeads, queriesPerHead), KvType.Q8, first + ROWS)) {
            float[] alone = cache.attend(new ScalarKernels(), first, ROWS, 1, 64);
            for (int threads = 1; threads <= 4; threads++) {
                for (int chunk : new int[]{1, 2, 5, ROWS}) {
                    assertThat(cache.attend(KernelProvider.kernels(), first, ROWS, chunk, threads))
                            .as("%d threads, %d rows at a time", threads, chunk).isEqualTo(alone);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    void aLongSequenceIsAttendedToByBothKernelsAlike(KvType type) {
        int first = 40_000;
        try (Cache cache = new Cache(config(4), type, first + 3)) {
            float[] expected = cache.attend(new ScalarKernels(), first, 3, 1);
            assertThat(cache.attend(KernelProvider.kernels(), first, 3, 3)).isEqualTo(expected);
            assertThat(cache.attend(KernelProvider.kernels(), first, 3, 1)).isEqualTo(expected);
        }
    }

    /** The mean of 5,000 values is small, and so are differences: types cost less here than in one position. */
    @ParameterizedTest
    @CsvSource({"F32, 1e-6", "F16, 3e-5", "BF16, 3e-4", "Q8, 6e-4"})
    void attentionIsTheSoftmaxWeightedMeanOfTheValues(KvType type, double tolerance) {
        int position = 4_999;
        LlamaConfig config = config(3);
        try (Cache cache = new Cache(config, type, position + 1)) {
            float[] actual = cache.attend(KernelProvider.kernels(), position, 1, 1);
            float[] queries = random(config.queryWidth(), 3);
            for (int head = 0; head < config.heads(); head++) {
                double[] expected = softmaxMean(cache, queries, head, position);
                for (int i = 0; i < expected.length; i++) {
                    assertThat((double) actual[head * config.headDim() + i]).isCloseTo(expected[i], within(tolerance));
                }
            }
        }
    }

    private static double[] softmaxMean(Cache cache, float[] queries, int head, int position) {
        int headDim = cache.config.headDim();
        int kvHead = head / (cache.config.heads() / cache.config.kvHeads());
        double[] mean = new double[headDim];
        double weights = 0;
        for (int p = 0; p <= position; p++) {
            int at = p * cache.config.kvWidth() + kvHead * headDim;
            double weight = Math.exp(IntStream.range(0, headDim)
                    .mapToDouble(i -> (double) queries[head * headDim + i] * cache.keys[at + i]).sum());
            weights += weight;
            for (int i = 0; i < headDim; i++) {
                mean[i] += weight * cache.values[at + i];
            }
        }
        for (int i = 0; i < headDim; i++) {
            mean[i] /= weights;
        }
        return mean;
    }
}
