package io.millrace.runtime.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Token ids recorded from other implementations, with the full vocabulary of Llama 3.1. */
class TokenizerGoldenTest {
    private static final Path GOLDEN = Path.of(System.getProperty("millrace.shared", "../shared"), "golden");
    private static final ObjectMapper JSON = new ObjectMapper();

    @BeforeEach
    void needsRecordings() {
        assumeTrue(Files.isDirectory(GOLDEN), "no recorded outputs at " + GOLDEN);
    }

    @Test
    void everyRecordedTextHasItsRecordedIds() throws IOException {
        Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve("realvocab-q8_0.gguf"));
        List<String> lines = Files.readAllLines(GOLDEN.resolve("tokenizer.jsonl"));
        assertThat(lines).hasSize(200);
        var softly = new SoftAssertions();
        for (String line : lines) {
            JsonNode recorded = JSON.readTree(line);
            String text = recorded.get("text").textValue();
            boolean specials = recorded.get("parse_special").booleanValue();
            softly.assertThat(specials ? tokenizer.encodeWithSpecials(text) : tokenizer.encode(text)).as(line)
                    .isEqualTo(ids(recorded));
        }
        softly.assertAll();
    }

    @Test
    void theFullVocabularyIsThere() {
        Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve("realvocab-q8_0.gguf"));
        assertThat(tokenizer.vocabularySize()).isEqualTo(128_256);
        assertThat(tokenizer.specials())
                .isEqualTo(new SpecialTokens(128_000, 128_001, 128_006, 128_007, 128_009, 128_008, 128_010));
        assertThat(tokenizer.encode("This is a test sentence.")).containsExactly(2028, 374, 264, 1296, 11914, 13);
        assertThat(tokenizer.encode("user")).containsExactly(882);
        assertThat(tokenizer.encode("system")).containsExactly(9125);
        assertThat(tokenizer.encode("\n\n")).containsExactly(271);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny", "odd"})
    void theTwoFormatsOfAModelAgree(String set) {
        Tokenizer gguf = Tokenizer.load(GOLDEN.resolve(set + "-f32.gguf"));
        Tokenizer json = Tokenizer.load(GOLDEN.resolve(set + "-hf"));
        assertThat(json.vocabularySize()).isEqualTo(gguf.vocabularySize());
        assertThat(json.specials()).isEqualTo(gguf.specials());
        for (int id = 0; id < gguf.vocabularySize(); id++) {
            assertThat(json.display(id)).isEqualTo(gguf.display(id));
            assertThat(json.bytes(id)).isEqualTo(gguf.bytes(id));
        }
        recordedTexts().forEach(text -> {
            assertThat(json.encode(text)).as(text).isEqualTo(gguf.encode(text));
            assertThat(json.encodeWithSpecials(text)).as(text).isEqualTo(gguf.encodeWithSpecials(text));
        });
    }

    @Test
    void everyTextComesBackAndNeverHoldsASpecialToken() {
        Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve("realvocab-q8_0.gguf"));
        Random random = new Random(7);
        Stream<String> texts = Stream.concat(recordedTexts(),
                Stream.generate(() -> PieceSplitterTest.randomText(random)).limit(5_000));
        texts.forEach(text -> {
            int[] ids = tokenizer.encode(text);
            assertThat(tokenizer.decode(ids)).isEqualTo(text);
            for (int id : ids) {
                assertThat(id).isBetween(0, 127_999);
            }
        });
    }

    private static Stream<String> recordedTexts() {
        try {
            return Files.readAllLines(GOLDEN.resolve("tokenizer.jsonl")).stream().map(TokenizerGoldenTest::parse)
                    .map(recorded -> recorded.get("text").textValue());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static JsonNode parse(String line) {
        try {
            return JSON.readTree(line);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static int[] ids(JsonNode recorded) {
        return JSON.convertValue(recorded.get("ids"), int[].class);
    }
}
