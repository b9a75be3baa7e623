package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millraceReading;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.runtime.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizeCommandTest {
    private static Path model;
    private static Tokenizer tokenizer;

    @BeforeAll
    static void writeModel(@TempDir Path directory) throws IOException {
        model = SmallModel.in(directory);
        tokenizer = Tokenizer.load(model);
    }

    private static String ids(String text) {
        return Arrays.toString(tokenizer.encode(text)).replace(" ", "");
    }

    @Test
    void everyLineBecomesAnArrayOfIdsWithoutBeginOfText() {
        CommandRun run = millraceReading("\"Hello, world!\"\n\n\"\"\n\"gr\u00fcn\\n\\u0041\"\n", "tokenize", "--model",
                model);

        assertThat(run.succeeds().out().lines()).containsExactly(ids("Hello, world!"), "[]", ids("gr\u00fcn\nA"));
    }

    @Test
    void theTextOfSpecialTokensIsPlainTextUnlessAskedFor() {
        String line = "\"a<|eot_id|>\"\n";

        assertThat(millraceReading(line, "tokenize", "--model", model).succeeds().out().strip())
                .isEqualTo(ids("a<|eot_id|>"));
        assertThat(millraceReading(line, "tokenize", "--model", model, "--specials").succeeds().out().strip())
                .isEqualTo("[" + tokenizer.encode("a")[0] + "," + tokenizer.specials().endOfTurn() + "]");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {"Hello | Unrecognized token", "\"open | expected",
            "5 | expected", "[\"a\"] | expected", "null | found null", "\"a\" \"b\" | expected"})
    void aBadLineIsToldByItsNumber(String line, String problem) {
        CommandRun run = millraceReading("\"a\"\n" + line + "\n", "tokenize", "--model", model);

        assertThat(run.err())
                .startsWith("millrace: standard input, line 2: expected a JSON string such as \"Hello\"")
                .contains(problem);
        assertThat(run.err().lines()).hasSize(1);
        assertThat(run.out().strip()).as("the line before it is answered").isEqualTo(ids("a"));
        assertThat(run.exitCode()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource({"tiny-hf, false", "tiny-hf, true", "tiny-hf/tokenizer.json, false", "tiny-hf/tokenizer.json, true"})
    void aDirectoryAndItsTokenizerJsonSayTheSameAsTheGguf(String path, boolean specials) {
        Path shared = Path.of(System.getProperty("millrace.shared", "absent"), "golden");
        assumeTrue(Files.exists(shared.resolve(path)), "the recorded models are not here: " + shared);

        String expected = tokenize(shared.resolve("tiny-f32.gguf"), specials);
        assertThat(expected.lines()).hasSize(2);
        assertThat(tokenize(shared.resolve(path), specials)).isEqualTo(expected);
    }

    private static String tokenize(Path model, boolean specials) {
        List<Object> arguments = new ArrayList<>(List.of("tokenize", "--model", model));
        if (specials) {
            arguments.add("--specials");
        }
        return millraceReading("\"The quick brown fox, 12345 times\"\n\"\\u20ac 5 <|eot_id|>\"\n",
                arguments.toArray()).succeeds().out();
    }
}
