package io.millrace.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.runtime.engine.Recorder.Outcome;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LayerSplit;
import io.millrace.runtime.weights.LlamaWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How a model's tensors are spread over files has nothing to do with how its layers are spread over shards. */
class ShardedSafetensorsTest {
    private static final int BLOCKS = 100;
    private static final int LAYERS = 5;
    private static final LayerSplit SPLIT = LayerSplit.parse("0-1,2-3,4");
    private static final EngineOptions OPTIONS = EngineOptions.defaults().withThreads(1).withKvType(KvType.F32)
            .withKvBytes(1 << 24).withMaxNumBatchedTokens(32);

    private final Path directory;

    ShardedSafetensorsTest(@TempDir Path directory) {
        this.directory = directory;
    }

    private static List<Request> requests() {
        // Bytes are tokens of every vocabulary.
        return IntStream.range(0, 8).mapToObj(i -> Request.of(new Random(i).ints(3 + i * 7, 0, 256).toArray())
                .id("r" + i).sampling(Request.sampled(i))).toList();
    }

    private static List<Outcome> whole(HuggingFaceDirectory model) throws InterruptedException {
        try (LlamaModel opened = LlamaModel.open(model.path(), PackingOptions.inMemory(1));
                Engine engine = Engine.start(opened, OPTIONS)) {
            return EngineShardsTest.run(engine, requests());
        }
    }

    private static List<Outcome> sharded(HuggingFaceDirectory model, LayerSplit split) throws InterruptedException {
        try (Pipeline pipeline = new Pipeline(model.path(), split, OPTIONS, BLOCKS, split.shards())) {
            return EngineShardsTest.run(pipeline.engine(), requests());
        }
    }

    /** Fewer files than shards, as many, more, and about one for each two tensors. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 7, 24})
    void aPipelineSaysWhatTheWholeModelSaysFromSeveralFilesAndFromOne(int files) throws Exception {
        HuggingFaceDirectory single = HuggingFaceDirectory.random(directory.resolve("single"), LAYERS);
        HuggingFaceDirectory cut = single.cut(directory.resolve("cut"), files);
        List<Outcome> expected = whole(single);

        assertThat(expected).doesNotHaveDuplicates().allSatisfy(outcome -> assertThat(outcome.error()).isNull());
        assertThat(whole(cut)).isEqualTo(expected);
        assertThat(sharded(single, SPLIT)).isEqualTo(expected);
        assertThat(sharded(cut, SPLIT)).isEqualTo(expected);
    }

    @Test
    void aRecordedModelInSeveralFilesSaysTheSame() throws Exception {
        Path golden = Path.of(System.getProperty("millrace.shared", "absent"), "golden", "tiny-hf");
        assumeTrue(Files.isDirectory(golden), "no recorded model at " + golden);
        HuggingFaceDirectory recorded = new HuggingFaceDirectory(golden);
        LayerSplit split = LayerSplit.parse("0,1,2");
        List<Outcome> expected = whole(recorded.cut(directory.resolve("single"), 1));

        assertThat(whole(recorded)).isEqualTo(expected);
        assertThat(sharded(recorded, split)).isEqualTo(expected);
        assertThat(sharded(recorded.cut(directory.resolve("cut"), 5), split)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 24})
    void aShardUsesOnlyTheFilesThatHoldItsTensors(int files) throws IOException {
        HuggingFaceDirectory model = HuggingFaceDirectory.random(directory.resolve("single"), LAYERS)
                .cut(directory.resolve("cut"), files);
        for (LayerRange range : SPLIT.ranges()) {
            try (LlamaWeights shard = LlamaWeights.open(model.path(), _ -> range)) {
                assertThat(shard.files()).containsExactlyElementsOf(model.files(tensorsOf(range)));
            }
        }
    }

    private static Predicate<String> tensorsOf(LayerRange range) {
        return name -> name.startsWith("model.layers.")
                ? IntStream.range(range.first(), range.end()).anyMatch(i -> name.startsWith("model.layers." + i + "."))
                : name.equals("model.embed_tokens.weight") ? range.first() == 0 : range.end() == LAYERS;
    }
}
