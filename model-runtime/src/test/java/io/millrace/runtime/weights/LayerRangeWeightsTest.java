package io.millrace.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a shard that computes some of a model's layers opens: its tensors, and no memory for others. */
class LayerRangeWeightsTest {
    private static final SampleModel.Options OPTIONS = SampleModel.Options.defaults();

    private final Path directory;

    LayerRangeWeightsTest(@TempDir Path directory) {
        this.directory = directory;
    }

    private Path sample(SampleModel.Options options) throws IOException {
        Path file = directory.resolve("sample.gguf");
        SampleModel.write(file, options);
        return file;
    }

    private static LlamaWeights open(Path model, int first, int end) {
        return LlamaWeights.open(model, _ -> new LayerRange(first, end));
    }

    /** The layouts that files come in. */
    private enum Layout {
        GGUF, SPLIT_GGUF, SAFETENSORS, SHARDED_SAFETENSORS;

        /** Writes a model of two layers. */
        Path write(Path directory) throws IOException {
            switch (this) {
                case GGUF -> {
                    Path file = directory.resolve("tiny.gguf");
                    var writer = TinyLlama.gguf();
                    TinyLlama.addTensors(writer, TensorType.F32, TinyLlama.shapes(TensorNames.GGUF));
                    writer.write(file);
                    return file;
                }
                case SPLIT_GGUF -> {
                    return SplitGguf.write(directory, 3);
                }
                case SAFETENSORS -> TinyLlama.writeSingle(directory);
                case SHARDED_SAFETENSORS -> TinyLlama.writeSharded(directory);
            }
            return directory;
        }
    }

    @ParameterizedTest
    @EnumSource
    void theShardsOfAModelHoldEveryTensorOnceWithTheSameBytes(Layout layout) throws IOException {
        Path model = layout.write(directory);
        try (LlamaWeights whole = LlamaWeights.open(model);
                LlamaWeights first = open(model, 0, 1);
                LlamaWeights last = open(model, 1, 2)) {
            assertSame(Stream.of(first, last).flatMap(shard -> shard.tensors().stream()).toList(), whole.tensors());
            assertSame(List.of(first.embedding(), last.outputNorm(), last.output()),
                    List.of(whole.embedding(), whole.outputNorm(), whole.output()));
            assertThat(first.range()).hasToString("0");
            assertThat(whole.range()).isEqualTo(LayerRange.all(whole.config()));
            for (LlamaWeights shard : List.of(first, last)) {
                assertThat(shard.layers()).hasSize(1);
                assertThat(shard.config()).isEqualTo(whole.config());
                assertThat(shard.fingerprint()).isEqualTo(whole.fingerprint());
                assertThat(shard.name()).isEqualTo(whole.name());
            }
        }
    }

    private static void assertSame(List<Tensor> actual, List<Tensor> expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.size(); i++) {
            assertThat(actual.get(i).name()).isEqualTo(expected.get(i).name());
            assertThat(actual.get(i).type()).isEqualTo(expected.get(i).type());
            assertThat(actual.get(i).data().mismatch(expected.get(i).data())).as(expected.get(i).name()).isEqualTo(-1);
        }
    }

    @Test
    void aShardSaysWhatItDoesNotHold() throws IOException {
        try (LlamaWeights middle = open(sample(OPTIONS), 1, 3)) {
            String here = "only layers 1-2 of millrace-sample-untrained-seed1 are here; its ";
            assertThatIllegalStateException().isThrownBy(middle::embedding)
                    .withMessage(here + "embedding is where layer 0 is");
            assertThatIllegalStateException().isThrownBy(middle::outputNorm)
                    .withMessage(here + "output norm is where layer 3 is");
            assertThatIllegalStateException().isThrownBy(middle::output)
                    .withMessage(here + "output matrix is where layer 3 is");
        }
    }

    @Test
    void theLastShardOfATiedModelHasTheEmbeddingAsItsOutput() throws IOException {
        Path model = sample(OPTIONS.withTied(true));
        try (LlamaWeights whole = LlamaWeights.open(model); LlamaWeights last = open(model, 3, 4)) {
            assertSame(List.of(last.output()), List.of(whole.embedding()));
            assertThat(last.matrices()).contains(last.output());
            assertThatIllegalStateException().isThrownBy(last::embedding);
        }
    }

    @Test
    void theMatricesAreWhatTheShardMultipliesWith() throws IOException {
        try (LlamaWeights last = open(sample(OPTIONS), 3, 4)) {
            assertThat(last.matrices()).extracting(Tensor::name).containsExactly("blk.3.attn_q.weight",
                    "blk.3.attn_k.weight", "blk.3.attn_v.weight", "blk.3.attn_output.weight", "blk.3.ffn_gate.weight",
                    "blk.3.ffn_up.weight", "blk.3.ffn_down.weight", "output.weight");
        }
        try (LlamaWeights first = open(sample(OPTIONS), 0, 2)) {
            assertThat(first.matrices()).hasSize(14).doesNotContain(first.embedding());
        }
    }

    @Test
    void onlyTheTensorsOfTheRangeAreMapped() throws IOException {
        Path model = sample(OPTIONS);
        ModelOutline outline = ModelOutline.read(model);
        for (int layer = 0; layer < 4; layer++) {
            try (LlamaWeights shard = open(model, layer, layer + 1)) {
                assertThat(shard.bytes()).isEqualTo(outline.bytes(shard.range()));
                // Between tensors there is what aligns them.
                assertThat(shard.mappedBytes()).isBetween(shard.bytes(), shard.bytes() + 32L * shard.tensors().size());
            }
        }
    }

    @Test
    void tensorsSideBySideAreOneMapping() throws IOException {
        Path model = sample(OPTIONS);
        List<Long> mapped = new ArrayList<>();
        FileMapping recorded = (file, offset, bytes, arena) -> {
            mapped.add(bytes);
            return FileCursor.map(file, offset, bytes, arena);
        };
        try (MappedModel opened = MappedModel.open(model);
                LlamaWeights middle = opened.weights(_ -> new LayerRange(1, 3), recorded)) {
            assertThat(mapped).containsExactly(middle.mappedBytes());
            MemorySegment first = middle.tensors().getFirst().data();
            MemorySegment last = middle.tensors().getLast().data();
            assertThat(last.address() + last.byteSize() - first.address()).isEqualTo(middle.mappedBytes());
        }
    }

    @Test
    void theProcessMapsNothingElseOfTheFile() throws IOException {
        assumeTrue(Files.isReadable(Path.of("/proc/self/maps")), "this system does not list mappings");
        Path model = sample(OPTIONS).toRealPath();
        try (LlamaWeights shard = open(model, 1, 2)) {
            // Whole pages of 4096 bytes, and larger ones nowhere with a /proc.
            assertThat(mappedBytes(model)).isBetween(shard.mappedBytes(), shard.mappedBytes() + 2 * 65536);
            assertThat(mappedBytes(model)).isLessThan(Files.size(model) / 2);
        }
        assertThat(mappedBytes(model)).isZero();
    }

    /** Bytes of this process that are mapped from a file. */
    private static long mappedBytes(Path file) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/maps")).stream().filter(line -> line.endsWith(file.toString()))
                .map(line -> line.substring(0, line.indexOf(' ')).split("-", 2))
                .mapToLong(range -> Long.parseUnsignedLong(range[1], 16) - Long.parseUnsignedLong(range[0], 16)).sum();
    }

    @Test
    void onlyFilesWithATensorOfTheRangeAreUsed() {
        TinyLlama.writeSharded(directory);
        try (LlamaWeights first = open(directory, 0, 1); LlamaWeights last = open(directory, 1, 2)) {
            Path second = directory.resolve("model-00002-of-00002.safetensors");
            // The first shard's last tensor, layer 0's down, is in the second file.
            assertThat(first.files()).containsExactly(directory.resolve("model-00001-of-00002.safetensors"), second);
            assertThat(last.files()).containsExactly(second);
        }
    }

    @Test
    void theWholeFileIsCheckedWhateverTheRange() throws IOException {
        Path file = Layout.GGUF.write(directory);
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, new Patch(bytes).truncate(bytes.length - 1).bytes());
        assertThatThrownBy(() -> open(file, 0, 1)).isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("output.weight").hasMessageContaining("truncated");
    }

    @Test
    void refusesLayersThatTheModelHasNot() throws IOException {
        Path model = sample(OPTIONS);
        assertThatIllegalArgumentException().isThrownBy(() -> open(model, 3, 5))
                .withMessage("layers 3-4: the model has 4 layers");
    }

    @Test
    void theOutlineSaysWhatTheWeightsAre() throws IOException {
        Path model = sample(OPTIONS);
        ModelOutline outline = ModelOutline.read(model);
        try (LlamaWeights whole = LlamaWeights.open(model)) {
            assertThat(outline.name()).isEqualTo(whole.name());
            assertThat(outline.config()).isEqualTo(whole.config());
            assertThat(outline.embeddingBytes()).isEqualTo(whole.embedding().data().byteSize());
            assertThat(outline.outputBytes())
                    .isEqualTo(whole.outputNorm().data().byteSize() + whole.output().data().byteSize());
            assertThat(outline.bytes(whole.range())).isEqualTo(whole.bytes());
        }
    }
}
