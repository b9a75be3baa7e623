package io.millrace.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is wrong with a GGUF file is told in one line that names the file and the field; nothing else can come of it. */
class HostileGgufTest {
    private static final SampleModel.Options SMALL = SampleModel.Options.defaults().withType(TensorType.Q4_0)
            .withGeometry(1, 32, 64, 2, 1, 16);
    private static final String TOKENS = "tokenizer.ggml.tokens";
    private static final String QUERY = "blk.0.attn_q.weight";
    private static final String DOWN = "blk.0.ffn_down.weight";
    private static final String NORM = "blk.0.attn_norm.weight";
    private static final int TENSOR_COUNT = 8;
    private static final int METADATA_COUNT = 16;

    private static byte[] sound = new byte[0];

    private final Path file;

    HostileGgufTest(@TempDir Path directory) {
        this.file = directory.resolve("hostile.gguf");
    }

    @BeforeAll
    static void writeASoundFile(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("sound.gguf");
        SampleModel.write(file, SMALL);
        sound = Files.readAllBytes(file);
        LlamaWeights.open(file).close();
    }

    private static Arguments damage(String what, String field, String problem, Consumer<Patch> patch) {
        return Arguments.of(what, field, problem, patch);
    }

    static Stream<Arguments> damages() {
        return Stream.of(
                // The head of the file.
                damage("empty file", "magic", "truncated", p -> p.truncate(0)),
                damage("another kind of file", "magic", "not a GGUF file", p -> p.int32(0, 0x04034b50)),
                damage("version of the future", "version", "4 is not supported", p -> p.int32(4, 4)),
                damage("version 1", "version", "1 is not supported", p -> p.int32(4, 1)),
                damage("big-endian", "version", "big-endian", p -> p.int32(4, Integer.reverseBytes(3))),
                damage("tensor count beyond the file", "tensor_count", "truncated",
                        p -> p.int64(TENSOR_COUNT, p.size())),
                damage("negative tensor count", "tensor_count", "truncated", p -> p.int64(TENSOR_COUNT, -1)),
                damage("metadata count beyond the file", "metadata_kv_count", "truncated",
                        p -> p.int64(METADATA_COUNT, 1L << 62)),
                damage("negative metadata count", "metadata_kv_count", "truncated",
                        p -> p.int64(METADATA_COUNT, Long.MIN_VALUE)),
                damage("one tensor more than there is", "tensor name 13", "expected 1 to 64",
                        p -> p.int64(TENSOR_COUNT, 14)),
                damage("end within the metadata", TOKENS, "truncated", p -> p.truncate(p.after(TOKENS) + 100)),
                damage("end within the tensor table", "rope_freqs.weight", "truncated",
                        p -> p.truncate(p.after("rope_freqs.weight") + 6)),
                damage("end within the data", "output.weight", "truncated", p -> p.truncate(p.size() - 1000)),

                // Metadata.
                damage("key length beyond the file", "metadata key 0", "expected 1 to 65535",
                        p -> p.int64(24, Long.MAX_VALUE)),
                damage("empty key", "metadata key 0", "expected 1 to 65535", p -> p.int64(24, 0)),
                damage("key that is no UTF-8", "metadata key 0", "UTF-8", p -> p.int32(32, -1)),
                damage("unknown metadata type", "general.name", "unknown metadata type 13",
                        p -> p.type("general.name", 13)),
                damage("string length beyond the file", "general.name", "truncated",
                        p -> p.int64(p.after("general.name") + 4, p.size())),
                damage("negative string length", "general.name", "truncated",
                        p -> p.int64(p.after("general.name") + 4, -8)),
                damage("array count beyond the file", TOKENS, "truncated",
                        p -> p.int64(p.after(TOKENS) + 8, p.size())),
                damage("array count that overflows", "tokenizer.ggml.token_type", "truncated",
                        p -> p.int64(p.after("tokenizer.ggml.token_type") + 8, 1L << 62)),
                damage("length of a string in an array", TOKENS, "truncated",
                        p -> p.int64(p.after(TOKENS) + 16, 1L << 40)),
                damage("arrays of arrays", TOKENS, "array of arrays", p -> p.int32(p.after(TOKENS) + 4, 9)),
                damage("unknown type of elements", TOKENS, "unknown metadata type",
                        p -> p.int32(p.after(TOKENS) + 4, 77)),
                damage("duplicate key", "tokenizer.ggml.bos_token_id", "twice",
                        p -> p.rename("tokenizer.ggml.eos_token_id", "tokenizer.ggml.bos_token_id")),
                damage("alignment 0", "general.alignment", "not a power of two", p -> p.value("general.alignment", 0)),
                damage("alignment 48", "general.alignment", "48 is not a power of two",
                        p -> p.value("general.alignment", 48)),
                damage("alignment 4", "general.alignment", "at least 8", p -> p.value("general.alignment", 4)),
                damage("alignment of another type", "general.alignment", "expected a uint32",
                        p -> p.type("general.alignment", 6)),

                // The tensor table.
                damage("length of a tensor's name", "tensor name 0", "expected 1 to 64",
                        p -> p.int64(p.after("rope_freqs.weight") - 25, 1L << 33)),
                damage("no dimensions", QUERY, "0 dimensions", p -> p.int32(p.after(QUERY), 0)),
                damage("five dimensions", QUERY, "5 dimensions", p -> p.int32(p.after(QUERY), 5)),
                damage("dimension 0", QUERY, "not between 1", p -> p.tensorDimension(QUERY, 0, 0)),
                damage("rows 0", QUERY, "not between 1", p -> p.tensorDimension(QUERY, 1, 0)),
                damage("negative dimension", QUERY, "not between 1", p -> p.tensorDimension(QUERY, 1, -32)),
                damage("dimension beyond 32 bits", QUERY, "not between 1", p -> p.tensorDimension(QUERY, 0, 1L << 32)),
                damage("product that overflows", QUERY, "truncated",
                        p -> p.tensorDimension(QUERY, 0, 0x7fffffe0L).tensorDimension(QUERY, 1, 0x7fffffffL)),
                damage("product whose bytes overflow", QUERY, "truncated", p -> p.tensorType(QUERY, 0)
                        .tensorDimension(QUERY, 0, 0x7fffffffL).tensorDimension(QUERY, 1, 0x7fffffffL)),
                damage("rows that are no whole blocks", QUERY, "no multiple of the 32",
                        p -> p.tensorDimension(QUERY, 0, 33)),
                damage("unknown tensor type", QUERY, "ggml type 23 is not supported", p -> p.tensorType(QUERY, 23)),
                damage("negative tensor type", QUERY, "is not supported", p -> p.tensorType(QUERY, -1)),
                damage("duplicate tensor", "blk.0.attn_k.weight", "twice",
                        p -> p.rename("blk.0.attn_v.weight", "blk.0.attn_k.weight")),
                damage("misaligned tensor", QUERY, "not a multiple of the alignment 32",
                        p -> p.tensorOffset(QUERY, p.tensorOffset(QUERY) + 8)),
                damage("tensor past the end", QUERY, "past the end", p -> p.tensorOffset(QUERY, p.size() & -32)),
                damage("offset that overflows", QUERY, "past the end", p -> p.tensorOffset(QUERY, -32)),
                damage("overlapping tensors", DOWN, "overlaps the tensor " + QUERY,
                        p -> p.tensorOffset(QUERY, p.tensorOffset(DOWN))),
                damage("overlap of a few bytes", DOWN, "overlaps the tensor blk.0.ffn_up.weight",
                        p -> p.tensorOffset(DOWN, p.tensorOffset(DOWN) - 32)),

                // What a Llama wants.
                damage("no architecture", "general.architecture", "is missing",
                        p -> p.rename("general.architecture", "general.architectura")),
                damage("another architecture", "general.architecture", "is gemma, only llama",
                        p -> p.rename("llama", "gemma")),
                damage("no layer count", "llama.block_count", "is missing",
                        p -> p.rename("llama.block_count", "llama.block_coumt")),
                damage("layer count of another type", "llama.block_count", "is a float32, expected an integer",
                        p -> p.type("llama.block_count", 6)),
                damage("zero layers", "llama.block_count", "0 is not above 0", p -> p.value("llama.block_count", 0)),
                damage("more layers than there are", "blk.1.attn_norm.weight", "is missing",
                        p -> p.value("llama.block_count", 2)),
                damage("billions of layers", "blk.1.attn_norm.weight", "is missing",
                        p -> p.value("llama.block_count", Integer.MAX_VALUE)),
                damage("layers beyond 31 bits", "llama.block_count", "out of range",
                        p -> p.value("llama.block_count", -1)),
                damage("zero heads", "llama.attention.head_count", "0 is not above 0",
                        p -> p.value("llama.attention.head_count", 0)),
                damage("zero key-value heads", "llama.attention.head_count_kv", "0 is not above 0",
                        p -> p.value("llama.attention.head_count_kv", 0)),
                damage("heads no multiple of key-value heads", "llama.attention.head_count_kv", "no multiple",
                        p -> p.value("llama.attention.head_count_kv", 3)),
                damage("odd head dimension", "llama.attention.key_length", "15 is odd",
                        p -> p.value("llama.attention.key_length", 15)),
                damage("value length of its own", "llama.attention.value_length", "32 is not the head dimension, 16",
                        p -> p.value("llama.attention.value_length", 32)),
                damage("heads that overflow", "llama.attention.head_count", "too many",
                        p -> p.value("llama.attention.head_count", Integer.MAX_VALUE)),
                damage("zero context", "llama.context_length", "0 is not above 0",
                        p -> p.value("llama.context_length", 0)),
                damage("epsilon not a number", "llama.attention.layer_norm_rms_epsilon", "NaN is not between",
                        p -> p.value("llama.attention.layer_norm_rms_epsilon", Float.NaN)),
                damage("negative epsilon", "llama.attention.layer_norm_rms_epsilon", "is not between",
                        p -> p.value("llama.attention.layer_norm_rms_epsilon", -1e-5f)),
                damage("infinite rotary base", "llama.rope.freq_base", "Infinity is not a finite",
                        p -> p.value("llama.rope.freq_base", Float.POSITIVE_INFINITY)),
                damage("rotation of half a head", "llama.rope.dimension_count", "8 is not the head dimension, 16",
                        p -> p.value("llama.rope.dimension_count", 8)),
                damage("vocabulary size that disagrees with the embedding", "llama.vocab_size",
                        "1023 is not the rows of token_embd.weight, 1024", p -> p.value("llama.vocab_size", 1023)),
                damage("embedding that disagrees with the token list", TOKENS, "1024 entries for a vocabulary of 1023",
                        p -> p.value("llama.vocab_size", 1023).tensorDimension("token_embd.weight", 1, 1023)
                                .tensorDimension("output.weight", 1, 1023)),
                damage("token outside the vocabulary", "tokenizer.ggml.eot_token_id",
                        "1024 is outside the vocabulary of 1024", p -> p.value("tokenizer.ggml.eot_token_id", 1024)),
                damage("negative token", "tokenizer.ggml.bos_token_id", "out of range",
                        p -> p.value("tokenizer.ggml.bos_token_id", -1)),
                damage("missing tensor", "blk.0.attn_k.weight", "is missing",
                        p -> p.rename("blk.0.attn_k.weight", "blk.0.attn_x.weight")),
                damage("missing embedding", "token_embd.weight", "is missing",
                        p -> p.rename("token_embd.weight", "token_embd.wrong!")),
                damage("wrong shape", QUERY, "has the shape 16 x 32, but the configuration wants 32 x 32",
                        p -> p.tensorDimension(QUERY, 1, 16)),
                damage("matrix for a vector", NORM, "has the shape 1 x 16", p -> p.tensorDimension(NORM, 0, 16)),
                damage("quantized norm", NORM, "is Q8_0, expected F32", p -> p.tensorType(NORM, 8)),
                damage("tensor of something else", "output.weighs", "is not a tensor of a Llama with 1 layers",
                        p -> p.rename("output.weight", "output.weighs")),
                damage("too few rotary divisors", "rope_freqs.weight", "has the shape 1 x 4, expected 1 x 8",
                        p -> p.tensorDimension("rope_freqs.weight", 0, 4)),
                damage("rotary divisor 0", "rope_freqs.weight", "0.0 is not a finite number above 0",
                        p -> p.int32(dataStart(p), 0)),
                damage("rotary divisor not a number", "rope_freqs.weight", "NaN is not a finite number above 0",
                        p -> p.int32(dataStart(p), 0x7fc00000)));
    }

    /** The first tensor's first byte: after the table, whose last entry is that of a matrix, aligned to 32. */
    private static int dataStart(Patch patch) {
        return (patch.after("output.weight") + 4 + 2 * 8 + 4 + 8 + 31) / 32 * 32;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("damages")
    void isRejectedNamingFileAndField(String what, String field, String problem, Consumer<Patch> damage) {
        Patch patch = new Patch(sound);
        damage.accept(patch);
        patch.write(file);
        assertThatThrownBy(() -> LlamaWeights.open(file).close()).as(what).isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(file + ": " + field + ": ").hasMessageContaining(problem)
                .message().doesNotContain("\n");
    }

    @Test
    void aFileThatIsNotThereIsRejected() {
        assertThatThrownBy(() -> LlamaWeights.open(file)).isInstanceOf(ModelFormatException.class)
                .hasMessage(file + ": file: does not exist");
    }

    @Test
    void aRotaryScalingOfAnotherKindIsRejected() throws IOException {
        TinyLlama.gguf().string("llama.rope.scaling.type", "yarn")
                .vector("token_embd.weight", TensorType.F32, 8, () -> TinyLlama.values(TensorType.F32, 8)).write(file);
        assertThatThrownBy(() -> LlamaWeights.open(file)).isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("llama.rope.scaling.type: is yarn");
    }

    @Test
    void aGetterOfTheWrongTypeNamesTheKey() {
        new Patch(sound).write(file);
        try (GgufFile gguf = GgufFile.open(file)) {
            GgufMetadata metadata = gguf.metadata();
            assertRejected(() -> metadata.string(TOKENS), TOKENS + ": is an array of 1024 string, expected one value");
            assertRejected(() -> metadata.strings("general.name"), "general.name: is a string, expected an array");
            assertRejected(() -> metadata.integers(TOKENS), TOKENS + ": is an array of 1024 string, expected integers");
            assertRejected(() -> metadata.bool("general.name"), "general.name: is a string, expected bool");
            assertRejected(() -> metadata.number("general.name"), "general.name: is a string, expected an integer");
            assertRejected(() -> metadata.integer("no.such.key"), "no.such.key: is missing");
        }
    }

    private void assertRejected(Runnable getter, String problem) {
        assertThatThrownBy(getter::run).isInstanceOf(ModelFormatException.class).hasMessage(file + ": " + problem);
    }

    @Test
    void anyDamageEitherLeavesAModelOrIsAFormatError() {
        SplittableRandom random = new SplittableRandom(20260101);
        Patch intact = new Patch(sound);
        int tableStart = intact.after("rope_freqs.weight") - 25;
        int[][] regions = {{0, 1100}, {tableStart, dataStart(intact)}, {0, intact.size()}};
        int rejected = 0;
        int rounds = 2000;
        for (int round = 0; round < rounds; round++) {
            Patch patch = new Patch(sound);
            mutate(patch, random, regions);
            patch.write(file);
            try (LlamaWeights weights = LlamaWeights.open(file); GgufFile gguf = GgufFile.open(file)) {
                assertThat(weights.layers()).hasSize(weights.config().layers());
                readVocabulary(gguf.metadata());
            } catch (ModelFormatException e) {
                rejected++;
                assertThat(e.getMessage()).startsWith(file.toString()).doesNotContain("\n");
            } catch (RuntimeException | Error e) {
                fail("round " + round, e);
            }
        }
        assertThat(rejected).isBetween(rounds / 4, rounds - 1);
    }

    private static void readVocabulary(GgufMetadata metadata) {
        for (String key : metadata.keys()) {
            switch (key) {
                case TOKENS, "tokenizer.ggml.merges" -> assertThat(metadata.strings(key)).isNotNull();
                case "tokenizer.ggml.token_type" -> assertThat(metadata.integers(key)).isNotNull();
                case "tokenizer.ggml.model" -> assertThat(metadata.string(key)).isNotNull();
                default -> assertThat(metadata.has(key)).isTrue();
            }
        }
    }

    /** One to four bytes changed, most of them in the metadata and the tensor table, or the end cut off. */
    private static void mutate(Patch patch, SplittableRandom random, int[][] regions) {
        if (random.nextInt(10) == 0) {
            patch.truncate(random.nextInt(patch.size()));
            return;
        }
        for (int changes = random.nextInt(1, 5); changes > 0; changes--) {
            int[] region = regions[random.nextInt(regions.length)];
            byte[] values = {0, 1, 8, 9, 0x7f, (byte) 0x80, (byte) 0xff, (byte) random.nextInt()};
            patch.bytes()[random.nextInt(region[0], region[1])] = values[random.nextInt(values.length)];
        }
    }
}
