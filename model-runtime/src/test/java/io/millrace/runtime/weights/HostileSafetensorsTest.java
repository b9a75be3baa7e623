package io.millrace.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import io.millrace.runtime.weights.TinyLlama.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever is wrong with safetensors files or their index is told in one line that names the file and the field. */
class HostileSafetensorsTest {
    private static final List<Shape> SHAPES = TinyLlama.shapes(TensorNames.HUGGING_FACE);
    private static final String HEADER = TinyLlama.header("BF16", SHAPES);
    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String NORM = "model.layers.0.input_layernorm.weight";
    private static final String QUERY = "model.layers.0.self_attn.q_proj.weight";

    private final Path directory;
    private final Path config;
    private final Path single;
    private final Path index;

    HostileSafetensorsTest(@TempDir Path directory) {
        this.directory = directory;
        this.config = directory.resolve("config.json");
        this.single = directory.resolve("model.safetensors");
        this.index = directory.resolve("model.safetensors.index.json");
    }

    private Path shard(int number) {
        return directory.resolve("model-0000" + number + "-of-00002.safetensors");
    }

    private void assertRejected(Path named, String field, String problem) {
        assertThatThrownBy(() -> LlamaWeights.open(directory).close()).isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(named + ": " + field + ": ").hasMessageContaining(problem)
                .message().doesNotContain("\n");
    }

    // The header of a safetensors file.

    private static Arguments header(String what, String field, String problem, UnaryOperator<String> damage) {
        return Arguments.of(what, field, problem, damage);
    }

    static Stream<Arguments> headers() {
        return Stream.of(header("no JSON", "header", "is not valid JSON", h -> "x" + h),
                header("cut off", "header", "is not valid JSON", h -> h.substring(0, 100)),
                header("no object", "header", "is no JSON object", h -> "[" + h + "]"),
                header("empty", "header", "is no JSON object", h -> ""),
                header("text after the object", "header", "is not valid JSON", h -> h + "{}"),
                header("deep nesting", "header", "is not valid JSON",
                        h -> "{\"a\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}"),
                header("duplicate tensor", "header", "Duplicate field '" + EMBEDDING + "'",
                        h -> h.replace("\"lm_head.weight\"", "\"" + EMBEDDING + "\"")),
                header("no entry", QUERY, "expected an object",
                        h -> h.replace("\"" + QUERY + "\":{", "\"" + QUERY + "\":3,\"x\":{")),
                header("unknown dtype", EMBEDDING + ".dtype", "I64 is not supported",
                        h -> h.replaceFirst("BF16", "I64")),
                header("dtype of another type", EMBEDDING + ".dtype", "expected a string",
                        h -> h.replaceFirst("\"BF16\"", "16")),
                header("dtype of another size", EMBEDDING + ".data_offsets", "6 x 8 F32",
                        h -> h.replaceFirst("BF16", "F32")),
                header("no shape", EMBEDDING + ".shape", "is missing", h -> h.replaceFirst("shape", "shapf")),
                header("no dimensions", EMBEDDING + ".shape", "0 dimensions", h -> h.replaceFirst("6,8", "")),
                header("three dimensions", EMBEDDING + ".shape", "3 dimensions", h -> h.replaceFirst("6,8", "6,4,2")),
                header("dimension 0", EMBEDDING + ".shape", "0 is not between", h -> h.replaceFirst("6,8", "0,8")),
                header("negative dimension", EMBEDDING + ".shape", "-6 is not between",
                        h -> h.replaceFirst("6,8", "-6,-8")),
                header("dimension beyond 32 bits", EMBEDDING + ".shape", "4294967296 is not between",
                        h -> h.replaceFirst("6,8", "4294967296,8")),
                header("dimension beyond 64 bits", EMBEDDING + ".shape", "no 64-bit integer",
                        h -> h.replaceFirst("6,8", "6,99999999999999999999")),
                header("product that overflows", EMBEDDING + ".data_offsets", "are not the begin and end",
                        h -> h.replaceFirst("6,8", "2147483647,2147483647")),
                header("shape of a fraction", EMBEDDING + ".shape", "no 64-bit integer",
                        h -> h.replaceFirst("6,8", "6,8.5")),
                header("one offset", EMBEDDING + ".data_offsets", "are not the begin and end",
                        h -> h.replaceFirst("\\[0,96]", "[0]")),
                header("negative offset", EMBEDDING + ".data_offsets", "are not the begin and end",
                        h -> h.replaceFirst("\\[0,96]", "[-96,0]")),
                header("offsets the wrong way round", EMBEDDING + ".data_offsets", "are not the begin and end",
                        h -> h.replaceFirst("\\[0,96]", "[96,0]")),
                header("offsets that overflow", EMBEDDING + ".data_offsets", "are not the begin and end",
                        h -> h.replaceFirst("\\[0,96]", "[9223372036854775807,-9223372036854775713]")),
                header("misaligned", EMBEDDING + ".data_offsets", "is not aligned to 2 bytes",
                        h -> h.replaceFirst("\\[0,96]", "[1,97]")),
                header("overlapping tensors", NORM, "must not overlap",
                        h -> h.replaceFirst("\\[96,112]", "[94,110]")),
                header("hole between tensors", NORM, "nor leave holes", h -> h.replaceFirst("\\[96,112]", "[98,114]")),
                header("past the end", EMBEDDING, "ends at byte 9223372036854775806",
                        h -> h.replaceFirst("\\[0,96]", "[9223372036854775710,9223372036854775806]")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("headers")
    void aDamagedHeaderIsRejected(String what, String field, String problem, UnaryOperator<String> damage) {
        TinyLlama.writeSingle(directory);
        writeHeader(damage.apply(HEADER));
        assertRejected(single, field, problem);
    }

    private void writeHeader(String header) {
        TinyLlama.write(single, TinyLlama.safetensors(header, TensorType.BF16, SHAPES));
    }

    @Test
    void aMissingTensorIsRejected() {
        TinyLlama.writeSingle(directory);
        writeHeader(HEADER.replace(QUERY, QUERY.replace("q_proj", "r_proj")));
        assertRejected(directory, QUERY, "is missing");
    }

    @Test
    void aTensorOfAnotherShapeIsRejected() {
        TinyLlama.writeSingle(directory);
        writeHeader(HEADER.replaceFirst("6,8", "8,6"));
        assertRejected(directory, EMBEDDING, "has the shape 8 x 6, but the configuration wants 6 x 8");
    }

    @Test
    void aTensorOfSomethingElseIsRejected() {
        Map<String, String> tied = TinyLlama.config();
        tied.put("tie_word_embeddings", "true");
        TinyLlama.write(config, tied);
        writeHeader(HEADER.replace("lm_head.weight", "lm_head.bias"));
        assertRejected(directory, "lm_head.bias", "is not a tensor of a Llama with 2 layers");
    }

    @ParameterizedTest(name = "header of {0} bytes")
    @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 100_000})
    void aHeaderLengthBeyondTheFileIsRejected(long length) {
        TinyLlama.writeSingle(directory);
        new Patch(TinyLlama.safetensors(SHAPES)).int64(0, length).write(single);
        assertRejected(single, "header length", "truncated");
    }

    @Test
    void aHeaderOfUnreasonableLengthIsRejected() throws IOException {
        TinyLlama.writeSingle(directory);
        byte[] head = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(20 << 20).array();
        Files.write(single, Arrays.copyOf(head, 21 << 20));
        assertRejected(single, "header length", "20971520 is more than");
    }

    @ParameterizedTest(name = "{0} bytes")
    @CsvSource({"0, header length", "7, header length", "8, header length", "500, header length",
            "3000, model.layers"})
    void aTruncatedFileIsRejected(int bytes, String field) {
        TinyLlama.writeSingle(directory);
        new Patch(TinyLlama.safetensors(SHAPES)).truncate(bytes).write(single);
        assertThatThrownBy(() -> LlamaWeights.open(directory)).isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(single + ": " + field).hasMessageContaining("truncated");
    }

    @Test
    void bytesThatBelongToNoTensorAreRejected() {
        TinyLlama.writeSingle(directory);
        byte[] bytes = TinyLlama.safetensors(SHAPES);
        new Patch(bytes).truncate(bytes.length + 2).write(single);
        assertRejected(single, "data", "2 bytes at the end belong to no tensor");
    }

    // The index and its shards.

    private void rewriteIndex(String from, String to) throws IOException {
        TinyLlama.writeSharded(directory);
        TinyLlama.write(index, Files.readString(index).replace(from, to));
    }

    @ParameterizedTest
    @ValueSource(strings = {"../model-00001-of-00002.safetensors", "/etc/passwd", "a/b.safetensors", ".safetensors",
            "..\\\\x.safetensors", "x\\u0000.safetensors", "model-00001-of-00002.bin", ""})
    void aPathThatLeadsOutOfTheDirectoryIsRejected(String path) throws IOException {
        rewriteIndex("\"" + EMBEDDING + "\": \"model-00001-of-00002.safetensors\"",
                "\"" + EMBEDDING + "\": \"" + path + "\"");
        assertRejected(index, "weight_map." + EMBEDDING, "is not the name of a safetensors file in the directory");
    }

    @Test
    void anIndexWithoutAMapIsRejected() throws IOException {
        rewriteIndex("weight_map", "weight_mop");
        assertRejected(index, "weight_map", "is missing");
    }

    @Test
    void anIndexThatNamesAMissingFileIsRejected() throws IOException {
        TinyLlama.writeSharded(directory);
        Files.delete(shard(2));
        assertRejected(shard(2), "file", "does not exist");
    }

    @Test
    void anIndexThatNamesAMissingTensorIsRejected() throws IOException {
        rewriteIndex("{\"" + EMBEDDING,
                "{\"model.ghost.weight\": \"model-00001-of-00002.safetensors\", \"" + EMBEDDING);
        assertRejected(shard(1), "model.ghost.weight", "is missing, but model.safetensors.index.json says");
    }

    @Test
    void aTensorThatTheIndexDoesNotNameIsRejected() throws IOException {
        rewriteIndex("\"" + EMBEDDING + "\": \"model-00001-of-00002.safetensors\", ", "");
        assertRejected(shard(1), EMBEDDING, "is there, but model.safetensors.index.json does not say so");
    }

    @Test
    void theSameShardTwiceIsRejected() throws IOException {
        TinyLlama.writeSharded(directory);
        Files.copy(shard(1), shard(2), StandardCopyOption.REPLACE_EXISTING);
        assertRejected(shard(2), "lm_head.weight", "is missing");
    }

    @Test
    void aTruncatedShardIsRejected() throws IOException {
        TinyLlama.writeSharded(directory);
        byte[] bytes = Files.readAllBytes(shard(2));
        new Patch(bytes).truncate(bytes.length - 2).write(shard(2));
        assertRejected(shard(2), "lm_head.weight", "truncated");
    }

    @Test
    void anyDamageEitherLeavesAModelOrIsAFormatError() {
        TinyLlama.writeSingle(directory);
        byte[] sound = TinyLlama.safetensors(SHAPES);
        byte[] values = "0919{}[]\",:-e \u0000\u007f".getBytes(StandardCharsets.US_ASCII);
        SplittableRandom random = new SplittableRandom(20260102);
        int rejected = 0;
        int rounds = 2000;
        for (int round = 0; round < rounds; round++) {
            Patch patch = new Patch(sound);
            if (random.nextInt(10) == 0) {
                patch.truncate(random.nextInt(sound.length));
            } else {
                for (int changes = random.nextInt(1, 4); changes > 0; changes--) {
                    int at = random.nextInt(random.nextBoolean() ? 400 : HEADER.length());
                    patch.bytes()[at] = random.nextInt(4) == 0
                            ? (byte) random.nextInt()
                            : values[random.nextInt(values.length)];
                }
            }
            patch.write(single);
            try (LlamaWeights weights = LlamaWeights.open(directory)) {
                assertThat(weights.config()).isEqualTo(TinyLlama.CONFIG);
            } catch (ModelFormatException e) {
                rejected++;
                assertThat(e.getMessage()).startsWith(directory.toString()).doesNotContain("\n");
            } catch (RuntimeException | Error e) {
                fail("round " + round, e);
            }
        }
        assertThat(rejected).isBetween(rounds / 4, rounds - 1);
    }
}
