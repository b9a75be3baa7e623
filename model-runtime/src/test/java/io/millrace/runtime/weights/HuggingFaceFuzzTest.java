package io.millrace.runtime.weights;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.fuzz.Inputs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whatever is in a Hugging Face directory, it is a model or refused with a {@link ModelFormatException}. */
public final class HuggingFaceFuzzTest {
    private static final List<String> DICTIONARY = List.of(Inputs.SEPARATOR, "\"model_type\"", "\"llama\"",
            "\"hidden_act\"", "\"silu\"", "\"quantization_config\"", "\"rope_scaling\"", "\"rope_parameters\"",
            "\"rope_type\"", "\"llama3\"", "\"default\"", "\"factor\"", "\"low_freq_factor\"", "\"high_freq_factor\"",
            "\"original_max_position_embeddings\"", "\"tie_word_embeddings\"", "true", "false", "null", "2147483646",
            "1073741824", "1e999", "\"weight_map\"", "\"model-00001-of-00002.safetensors\"",
            "\"../model.safetensors\"", "\"data_offsets\"", "\"shape\"");
    private static final FuzzTarget TARGET = new FuzzTarget(HuggingFaceFuzzTest.class, "huggingface", DICTIONARY,
            HuggingFaceFuzzTest::check);
    private static final Path DIRECTORY = FuzzTarget.directory("huggingface-model");

    @TestFactory
    Stream<DynamicTest> everyDirectoryIsAModelOrRefused() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    /** The sections are the configuration and a file of tensors, or the configuration, the index and the shards. */
    private static void check(byte[] input) throws IOException {
        List<byte[]> sections = Inputs.sections(input);
        boolean sharded = sections.size() > 2;
        put("config.json", true, sections.getFirst());
        put("model.safetensors", sections.size() == 2, sections.getLast());
        put("model.safetensors.index.json", sharded, sections.get(sharded ? 1 : 0));
        for (int i = 0; i < 2; i++) {
            boolean shard = sharded && i + 2 < sections.size();
            put("model-0000" + (i + 1) + "-of-00002.safetensors", shard, sections.get(shard ? i + 2 : 0));
        }
        try (LlamaWeights weights = LlamaWeights.open(DIRECTORY)) {
            Models.checkPromises(weights);
            for (LayerRange range : Models.someRanges(weights.config())) {
                try (LlamaWeights shard = LlamaWeights.open(DIRECTORY, _ -> range)) {
                    Models.checkPromises(shard);
                }
            }
        } catch (ModelFormatException e) {
            Inputs.requireOneLine(e, DIRECTORY.toString());
        }
    }

    private static void put(String name, boolean wanted, byte[] content) throws IOException {
        Path file = DIRECTORY.resolve(name);
        if (wanted) {
            Files.write(file, content);
        } else {
            Files.deleteIfExists(file);
        }
    }
}
