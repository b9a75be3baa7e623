package io.millrace.runtime.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.millrace.runtime.kernels.AttentionTile;
import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kernels.ScalarKernels;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The same bits whatever the batch, the chunks of a prompt, the threads and the kernels. */
class DecoderTest {
    /** Odd on purpose: head dim 10, hidden 48, three query heads per key/value head. */
    private static final SampleModel.Options ODD = SampleModel.Options.defaults().withType(TensorType.F32)
            .withGeometry(2, 48, 80, 6, 2, 10);
    private static final int LENGTH = 53;

    private static LlamaWeights weights;
    private static PackedWeights packed;
    private static int[] tokens;
    private static float[] expectedLogits;
    private static byte[][] expectedCache;

    @BeforeAll
    static void decodeTokenByToken(@TempDir Path directory) throws IOException {
        weights = write(directory, ODD);
        packed = PackedWeights.inMemory(weights);
        tokens = tokens(LENGTH, 7);
        try (DecoderSession session = session(KernelProvider.kernels(), 1, 1)) {
            expectedLogits = session.append(tokens, 1, LENGTH - 1)[0];
            expectedCache = session.cache();
        }
    }

    @AfterAll
    static void closeWeights() {
        packed.close();
        weights.close();
    }

    @ParameterizedTest
    @CsvSource({"53, 1", "1, 2", "3, 1", "16, 2", "17, 3", "53, 3"})
    void aPromptInChunksGivesTheBitsOfTokenByToken(int chunk, int threads) {
        try (DecoderSession session = session(KernelProvider.kernels(), threads, LENGTH)) {
            assertThat(session.append(tokens, chunk, LENGTH - 1)[0]).isEqualTo(expectedLogits);
            assertThat(session.cache()).isDeepEqualTo(expectedCache);
        }
    }

    @Test
    void scalarKernelsGiveTheSameBits() {
        try (DecoderSession session = session(new ScalarKernels(), 2, LENGTH)) {
            assertThat(session.append(tokens, 20, LENGTH - 1)[0]).isEqualTo(expectedLogits);
            assertThat(session.cache()).isDeepEqualTo(expectedCache);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"F16", "BF16", "Q8_0", "Q4_0"})
    void chunksThreadsAndKernelsDoNotMatterForOtherTypes(TensorType type, @TempDir Path directory) throws IOException {
        SampleModel.Options options = SampleModel.Options.defaults().withGeometry(2, 64, 96, 4, 2, 16).withType(type);
        try (LlamaWeights model = write(directory, options);
                DecoderSession expected = new DecoderSession(model, new ScalarKernels(), KvType.F16, 1, 1, 40);
                DecoderSession actual = new DecoderSession(model, KernelProvider.kernels(), KvType.F16, 3, 40, 40)) {
            int[] prompt = tokens(35, 8);
            assertThat(actual.append(prompt, 13, 0, 20, 34)).isDeepEqualTo(expected.append(prompt, 1, 0, 20, 34));
            assertThat(actual.cache()).isDeepEqualTo(expected.cache());
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    void chunksThreadsAndKernelsDoNotMatterForAnyTypeOfCache(KvType type) {
        int length = 3 * AttentionTile.POSITIONS + 7;
        int[] prompt = tokens(length, 8);
        try (DecoderSession expected = new DecoderSession(weights, new ScalarKernels(), type, 1, 1, length);
                DecoderSession chunked = new DecoderSession(weights, KernelProvider.kernels(), type, 2, 50, length);
                DecoderSession whole = new DecoderSession(weights, KernelProvider.kernels(), type, 3, length, length)) {
            int[] wanted = IntStream.range(0, length).toArray();
            float[][] logits = expected.append(prompt, 1, wanted);
            assertThat(chunked.append(prompt, 37, wanted)).isDeepEqualTo(logits);
            assertThat(whole.append(prompt, length, wanted)).isDeepEqualTo(logits);
            assertThat(chunked.cache()).isDeepEqualTo(expected.cache());
            assertThat(whole.cache()).isDeepEqualTo(expected.cache());
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    void aPositionsBytesNeverChange(KvType type) {
        KvLayout layout = KvLayout.of(weights.config(), type);
        try (DecoderSession session = new DecoderSession(weights, KernelProvider.kernels(), type, 1, 16, 16)) {
            int[] prompt = tokens(16, 8);
            session.append(Arrays.copyOf(prompt, 9), 9);
            byte[] before = session.cache()[0];
            session.append(Arrays.copyOfRange(prompt, 9, 16), 7);
            byte[] after = session.cache()[0];
            byte[] written = new byte[before.length];
            for (int i = 0; i < written.length; i++) {
                written[i] = before[i] == 0 ? after[i] : before[i]; // a block is zero where nothing is
            }
            assertThat(after).isEqualTo(written).hasSize((int) layout.blockBytes());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void aSequenceDoesNotFeelTheOthersInItsBatch(int threads) {
        KvLayout layout = KvLayout.of(weights.config(), KvType.F32);
        int[] other = tokens(2 * LENGTH, 9);
        try (WorkerPool workers = new WorkerPool(threads);
                KvBlockPool pool = new KvBlockPool(layout, 40 * layout.blockBytes())) {
            Decoder decoder = new Decoder(weights, packed, KernelProvider.kernels(), workers, pool, 64, 4);
            Batch batch = new Batch(64, 4);
            BlockTable mine = new BlockTable();
            BlockTable theirs = new BlockTable();
            int logitRow = -1;
            int theirPosition = 0;
            for (int from = 0, step = 1; from < LENGTH; from += step, step++) {
                batch.clear();
                for (int i = 0; i < step % 4; i++) {
                    add(batch, pool, theirs, other[theirPosition], theirPosition++, i == 0);
                }
                for (int i = from; i < Math.min(LENGTH, from + step); i++) {
                    logitRow = add(batch, pool, mine, tokens[i], i, i == LENGTH - 1);
                }
                decoder.forward(batch);
            }
            assertThat(decoder.logits(logitRow)).isEqualTo(expectedLogits);
        }
    }

    @Test
    void whatABlockHeldBeforeDoesNotMatter() {
        try (DecoderSession session = session(KernelProvider.kernels(), 1, LENGTH)) {
            session.append(tokens(LENGTH, 10), LENGTH);
            session.reset();
            assertThat(session.append(tokens, LENGTH, LENGTH - 1)[0]).isEqualTo(expectedLogits);
            assertThat(session.cache()).isDeepEqualTo(expectedCache);
        }
    }

    @Test
    void refusesRowsThatAreNotOfTheModel() {
        KvLayout layout = KvLayout.of(weights.config(), KvType.F16);
        int vocabulary = weights.config().vocabSize();
        try (WorkerPool workers = new WorkerPool(1);
                KvBlockPool pool = new KvBlockPool(layout, 2 * layout.blockBytes())) {
            Decoder decoder = new Decoder(weights, packed, KernelProvider.kernels(), workers, pool, 2, 1);
            BlockTable blocks = new BlockTable();
            blocks.append(pool.allocate());
            assertThatIllegalArgumentException().isThrownBy(() -> decoder.forward(batch(blocks, vocabulary, 0)))
                    .withMessageContaining("token " + vocabulary);
            assertThatIllegalArgumentException().isThrownBy(() -> decoder.forward(batch(blocks, -1, 0)))
                    .withMessageContaining("token -1");
            assertThatIllegalArgumentException().isThrownBy(() -> decoder.forward(batch(blocks, 1, 16)))
                    .withMessageContaining("position 16");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> decoder.forward(batch(blocks, 1, weights.config().contextLength())))
                    .withMessageContaining("context of");
            assertThatIllegalArgumentException().isThrownBy(() -> decoder.forward(batch(blocks, 1, -1)))
                    .withMessageContaining("position -1");
            Batch gap = batch(blocks, 1, 0);
            gap.add(1, 2, blocks, false);
            assertThatIllegalArgumentException().isThrownBy(() -> decoder.forward(gap))
                    .withMessageContaining("position 2 after 0");
            gap.add(1, 3, blocks, false);
            assertThatIllegalArgumentException().isThrownBy(() -> decoder.forward(gap)).withMessageContaining("3 rows");
        }
    }

    @Test
    void refusesAPoolOfAnotherGeometry() {
        KvLayout other = new KvLayout(3, 2, 10, KvType.F16);
        try (WorkerPool workers = new WorkerPool(1); KvBlockPool pool = new KvBlockPool(other, other.blockBytes())) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new Decoder(weights, packed, KernelProvider.kernels(), workers, pool, 1, 1))
                    .withMessageContaining("does not fit layers 0-1 of the model");
        }
    }

    @Test
    void aFullBatchTakesNoMoreRows() {
        Batch batch = new Batch(2, 1);
        BlockTable blocks = new BlockTable();
        assertThat(batch.add(1, 0, blocks, true)).isZero();
        assertThatIllegalStateException().isThrownBy(() -> batch.add(1, 1, blocks, true));
        assertThat(batch.add(1, 1, blocks, false)).isEqualTo(-1);
        assertThatIllegalStateException().isThrownBy(() -> batch.add(1, 2, blocks, false));
    }

    private static Batch batch(BlockTable blocks, int token, int position) {
        Batch batch = new Batch(4, 1);
        batch.add(token, position, blocks, false);
        return batch;
    }

    private static int add(Batch batch, KvBlockPool pool, BlockTable blocks, int token, int position,
            boolean wantLogits) {
        if (position == blocks.positions()) {
            blocks.append(pool.allocate());
        }
        return batch.add(token, position, blocks, wantLogits);
    }

    private static DecoderSession session(Kernels kernels, int threads, int maxRows) {
        return new DecoderSession(weights, kernels, KvType.F32, threads, maxRows, LENGTH);
    }

    private static LlamaWeights write(Path directory, SampleModel.Options options) throws IOException {
        Path file = directory.resolve("model.gguf");
        SampleModel.write(file, options);
        return LlamaWeights.open(file);
    }

    /** Tokens that every sample model has. */
    private static int[] tokens(int count, int step) {
        int[] tokens = new int[count];
        for (int i = 0; i < count; i++) {
            tokens[i] = (i * step + i / 3) % 200;
        }
        return tokens;
    }
}
