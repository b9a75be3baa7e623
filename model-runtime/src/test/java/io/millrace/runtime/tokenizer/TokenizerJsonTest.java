package io.millrace.runtime.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.runtime.weights.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerJsonTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path directory;

    TokenizerJsonTest(@TempDir Path directory) {
        this.directory = directory;
    }

    @Test
    void readsADirectoryOrTheFileItself() throws IOException {
        Path file = write(json -> {});
        for (Path model : List.of(directory, file)) {
            Tokenizer tokenizer = Tokenizer.load(model);
            assertThat(tokenizer.encode("ab!")).containsExactly(256, '!');
            assertThat(tokenizer.vocabularySize()).isEqualTo(257 + SmallTokenizer.SPECIALS.size());
            assertThat(tokenizer.specials().beginOfText()).isEqualTo(257);
        }
    }

    @Test
    void readsMergesWrittenAsPairs() throws IOException {
        Path file = write(json -> {
            ArrayNode merges = model(json).putArray("merges");
            merges.addArray().add("a").add("b");
        });
        assertThat(Tokenizer.load(file).encode("ab!")).containsExactly(256, '!');
    }

    @Test
    void addedTokensAreNeverYieldedByText() throws IOException {
        Path file = write(
                json -> ((ArrayNode) json.get("added_tokens")).addObject().put("id", 265).put("content", "xyz")
                        .put("special", false));
        assertThat(Tokenizer.load(file).encode("xyz")).containsExactly('x', 'y', 'z');
        assertThat(Tokenizer.load(file).encodeWithSpecials("xyz")).containsExactly(265);
    }

    @Test
    void namesWhatIsWrong() {
        refused("tokenizer.json: tokenizer.json: no such file", directory.resolve("tokenizer.json"));
        refused("model.vocab: missing", json -> json.remove("model"));
        refused("model.type: is WordPiece", json -> model(json).put("type", "WordPiece"));
        refused("normalizer: ", json -> json.putObject("normalizer").put("type", "NFC"));
        refused("pre_tokenizer: not Llama 3's split expression",
                json -> json.putObject("pre_tokenizer").put("type", "ByteLevel"));
        refused("model.vocab: no token for byte 0x41", json -> {
            vocabulary(json).remove("A");
            vocabulary(json).put("AA", 65);
        });
        refused("model.vocab: ids go up to 264, but there is no token 65", json -> vocabulary(json).remove("A"));
        refused("model.vocab: id 256 is both ab and abc", json -> vocabulary(json).put("abc", 256));
        refused("model.vocab: the id of abc is no integer", json -> vocabulary(json).put("abc", "1"));
        refused("model.vocab: id -1 is out of range", json -> vocabulary(json).put("abc", -1));
        refused("model.vocab: id 2000000000 is out of range", json -> vocabulary(json).put("abc", 2_000_000_000));
        refused("no character of the byte-level alphabet", json -> vocabulary(json).put("字", 265));
        refused("model.merges: merge 1 (a x) names ax, which is no token", json -> merges(json).add("a x"));
        refused("model.merges: merge 1 (ab) is not two tokens", json -> merges(json).add("ab"));
        refused("model.merges: merge 1 (a b) repeats merge 0", json -> merges(json).add("a b"));
        refused("model.merges: merge 1 is neither a string nor two strings", json -> merges(json).add(7));
        refused("model.vocab: no special token <|begin_of_text|>", json -> json.remove("added_tokens"));
        refused("added_tokens: an entry without id or content", json -> ((ArrayNode) json.get("added_tokens")).add(1));
        refused("added_tokens: id 257 is both",
                json -> ((ArrayNode) json.get("added_tokens")).addObject().put("id", 257)
                        .put("content", "x"));
        refused("special tokens 257 and 265 are the same", json -> ((ArrayNode) json.get("added_tokens")).addObject()
                .put("id", 265).put("content", "<|begin_of_text|>"));
    }

    @Test
    void aTruncatedFileIsRefused() throws IOException {
        Path file = write(json -> {});
        String text = Files.readString(file);
        Files.writeString(file, text.substring(0, text.length() / 2));
        refused("tokenizer.json: no valid JSON", file);
        Files.writeString(file, "[]");
        refused("tokenizer.json: no JSON object", file);
    }

    private void refused(String message, Consumer<ObjectNode> change) {
        try {
            refused(message, write(change));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void refused(String message, Path file) {
        assertThatThrownBy(() -> Tokenizer.load(file)).isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(file + ": ").hasMessageContaining(message).message().doesNotContain("\n");
    }

    private Path write(Consumer<ObjectNode> change) throws IOException {
        ObjectNode json = SmallTokenizer.json(SmallTokenizer.source(List.of("a b"), SmallTokenizer.SPECIALS));
        change.accept(json);
        Path file = directory.resolve("tokenizer.json");
        JSON.writeValue(file.toFile(), json);
        return file;
    }

    private static ObjectNode model(ObjectNode json) {
        return (ObjectNode) json.get("model");
    }

    private static ObjectNode vocabulary(ObjectNode json) {
        return (ObjectNode) model(json).get("vocab");
    }

    private static ArrayNode merges(ObjectNode json) {
        return (ArrayNode) model(json).get("merges");
    }
}
