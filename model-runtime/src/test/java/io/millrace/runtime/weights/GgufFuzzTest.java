package io.millrace.runtime.weights;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.fuzz.Inputs;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whatever bytes a GGUF file has, or the parts of a split one, it is a model or refused with a {@link ModelFormatException}. */
public final class GgufFuzzTest {
    private static final List<String> DICTIONARY = List.of(Inputs.SEPARATOR, "GGUF", "general.architecture",
            "general.alignment", "general.name", "llama", "llama.vocab_size", "llama.block_count",
            "llama.attention.key_length", "llama.attention.value_length", "llama.rope.dimension_count",
            "llama.rope.scaling.type", "none", "rope_freqs.weight", "output.weight", "split.no", "split.count",
            "split.tensors.count", "tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.bos_token_id");
    private static final FuzzTarget TARGET = new FuzzTarget(GgufFuzzTest.class, "gguf", DICTIONARY,
            GgufFuzzTest::check);

    @TestFactory
    Stream<DynamicTest> everyInputIsAModelOrRefused() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    /** Several sections are the parts of a split model. */
    private static void check(byte[] input) {
        List<byte[]> parts = Inputs.sections(input);
        Map<Path, MemorySegment> files = new HashMap<>();
        for (int i = 0; i < parts.size(); i++) {
            files.put(parts.size() == 1 ? Path.of("model.gguf") : SplitGguf.part(Path.of(""), i, parts.size()),
                    MemorySegment.ofArray(parts.get(i)));
        }
        Path first = parts.size() == 1 ? Path.of("model.gguf") : SplitGguf.part(Path.of(""), 0, parts.size());
        try {
            FileMapping mapping = (path, offset, bytes, _) -> bytes(files, path).asSlice(offset,
                    bytes == FileMapping.TO_END ? bytes(files, path).byteSize() - offset : bytes);
            GgufFile file = GgufFile.open(first, mapping);
            readAll(file.metadata());
            try (MappedModel model = GgufModel.of(file)) {
                for (LayerRange range : Models.someRanges(model.config())) {
                    try (LlamaWeights weights = model.weights(_ -> range, mapping)) {
                        Models.checkPromises(weights);
                    }
                }
            }
        } catch (ModelFormatException e) {
            Inputs.requireOneLine(e, parts.size() == 1 ? "model.gguf: " : "tiny-");
        }
    }

    private static MemorySegment bytes(Map<Path, MemorySegment> files, Path path) {
        MemorySegment bytes = files.get(path);
        if (bytes == null) {
            throw new ModelFormatException(path, "file", "does not exist");
        }
        return bytes;
    }

    /** Every value can be asked for as every type. */
    private static void readAll(GgufMetadata metadata) {
        for (String key : metadata.keys()) {
            List<Runnable> getters = List.of(() -> metadata.integer(key), () -> metadata.number(key),
                    () -> metadata.bool(key), () -> metadata.string(key), () -> metadata.strings(key),
                    () -> metadata.integers(key), () -> metadata.length(key));
            for (Runnable getter : getters) {
                try {
                    getter.run();
                } catch (ModelFormatException e) {
                    Inputs.requireOneLine(e, "");
                }
            }
        }
    }
}
