package io.millrace.runtime.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.runtime.weights.ModelFormatException;
import io.millrace.runtime.weights.export.GgufWriter;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufTokenizerTest {
    private static final int FIRST_SPECIAL = 257;
    private static final int SIZE = FIRST_SPECIAL + SmallTokenizer.SPECIALS.size();

    private final Path file;
    private final List<String> tokens = new ArrayList<>(
            SmallTokenizer.source(List.of("a b"), SmallTokenizer.SPECIALS).tokens());
    private final int[] types = new int[SIZE];
    private final Map<String, Object> metadata = new LinkedHashMap<>();

    GgufTokenizerTest(@TempDir Path directory) {
        file = directory.resolve("model.gguf");
        Arrays.fill(types, 0, FIRST_SPECIAL, 1);
        Arrays.fill(types, FIRST_SPECIAL, SIZE, 3);
        metadata.put("tokenizer.ggml.model", "gpt2");
        metadata.put("tokenizer.ggml.pre", "llama-bpe");
        metadata.put("tokenizer.ggml.tokens", tokens);
        metadata.put("tokenizer.ggml.token_type", types);
        metadata.put("tokenizer.ggml.merges", List.of("a b"));
        metadata.put("tokenizer.ggml.bos_token_id", FIRST_SPECIAL);
    }

    @Test
    void readsTheMetadata() throws IOException {
        Tokenizer tokenizer = load();
        assertThat(tokenizer.encode("ab!")).containsExactly(256, '!');
        assertThat(tokenizer.specials().beginOfText()).isEqualTo(FIRST_SPECIAL);
        assertThat(tokenizer.vocabularySize()).isEqualTo(SIZE);
    }

    @Test
    void readsTheSampleModel() throws IOException {
        SampleModel.write(file, SampleModel.Options.defaults());
        Tokenizer tokenizer = Tokenizer.load(file);
        String text = "The mill turns <|eot_id|> 字🚀";
        assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
        assertThat(tokenizer.specials().stopTokens()).hasSize(3);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 5, 6})
    void tokensOfAnyTypeButNormalAreNeverYieldedByText(int type) throws IOException {
        tokens.add("xyz");
        int[] longer = Arrays.copyOf(types, SIZE + 1);
        longer[SIZE] = type;
        metadata.put("tokenizer.ggml.token_type", longer);
        assertThat(load().encode("xyz")).containsExactly('x', 'y', 'z');
        assertThat(load().encodeWithSpecials("xyz")).containsExactly(SIZE);
    }

    @Test
    void anotherTokenizerIsRefused() {
        metadata.put("tokenizer.ggml.pre", "qwen2");
        refused("tokenizer.ggml.pre: is qwen2; Llama 3's split expression is llama-bpe");
        metadata.put("tokenizer.ggml.model", "llama");
        refused("tokenizer.ggml.model: is llama; Llama 3's byte-level BPE is gpt2");
    }

    @ParameterizedTest
    @ValueSource(strings = {"model", "pre", "tokens", "token_type", "merges"})
    void aMissingKeyIsNamed(String key) {
        metadata.remove("tokenizer.ggml." + key);
        refused("tokenizer.ggml." + key + ": is missing");
    }

    @Test
    void everyTokenNeedsAKnownType() {
        types[3] = 9;
        refused("tokenizer.ggml.token_type: token 3 has unknown type 9");
        metadata.put("tokenizer.ggml.token_type", Arrays.copyOf(types, SIZE - 1));
        refused("tokenizer.ggml.token_type: 264 types for 265 tokens");
    }

    @Test
    void everyByteNeedsAToken() {
        types['A'] = 3;
        refused("tokenizer.ggml.tokens: no token for byte 0x41");
    }

    @Test
    void tokensHaveToBeDifferentAndNotEmpty() {
        tokens.set('B', "A");
        refused("tokenizer.ggml.tokens: tokens 65 and 66 are the same: A");
        tokens.set('B', "");
        refused("tokenizer.ggml.tokens: token 66 is empty");
        tokens.set('B', "字");
        refused("tokenizer.ggml.tokens: token 66 (字) holds U+5B57");
    }

    @Test
    void thePromptFormatsTokensHaveToBeThere() {
        tokens.set(FIRST_SPECIAL, "<s>");
        refused("tokenizer.ggml.tokens: no special token <|begin_of_text|>");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "ab", "a ", " b", "a b c"})
    void aMergeIsTwoTokens(String merge) {
        metadata.put("tokenizer.ggml.merges", List.of(merge));
        refused("tokenizer.ggml.merges: merge 0 (" + merge + ") is not two tokens");
    }

    @Test
    void mergesNameTokens() {
        metadata.put("tokenizer.ggml.merges", List.of("a b", "a xyz"));
        refused("tokenizer.ggml.merges: merge 1 (a xyz) names xyz, which is no token");
        metadata.put("tokenizer.ggml.merges", List.of("a b", "b a"));
        refused("tokenizer.ggml.merges: merge 1 (b a) names ba, which is no token");
        metadata.put("tokenizer.ggml.merges", List.of("a b", "a 字"));
        refused("tokenizer.ggml.merges: merge 1 (a 字) holds U+5B57");
        metadata.put("tokenizer.ggml.merges", List.of("a b", "a b"));
        refused("tokenizer.ggml.merges: merge 1 (a b) repeats merge 0");
    }

    @Test
    void idsAreInTheVocabulary() {
        metadata.put("tokenizer.ggml.bos_token_id", SIZE);
        refused("tokenizer.ggml.bos_token_id: is 265, but there are 265 tokens");
        metadata.put("tokenizer.ggml.bos_token_id", -1);
        refused("tokenizer.ggml.bos_token_id: 4294967295 is out of range");
    }

    private void refused(String message) {
        assertThatThrownBy(this::load).isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(file + ": " + message);
    }

    private Tokenizer load() throws IOException {
        var writer = new GgufWriter();
        metadata.forEach((key, value) -> {
            switch (value) {
                case String string -> writer.string(key, string);
                case Integer number -> writer.uint32(key, number);
                case int[] numbers -> writer.int32s(key, numbers);
                case List<?> strings -> writer.strings(key, strings.stream().map(String.class::cast).toList());
                default -> throw new AssertionError(value);
            }
        });
        writer.write(file);
        return Tokenizer.load(file);
    }
}
