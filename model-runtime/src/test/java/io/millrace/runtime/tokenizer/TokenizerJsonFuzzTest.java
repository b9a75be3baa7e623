package io.millrace.runtime.tokenizer;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.fuzz.Inputs;
import io.millrace.runtime.weights.ModelFormatException;
import java.io.ByteArrayInputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whatever a {@code tokenizer.json} holds, it is a tokenizer that works or refused with a {@link ModelFormatException}. */
public final class TokenizerJsonFuzzTest {
    private static final List<String> DICTIONARY = List.of("\"added_tokens\"", "\"model\"", "\"vocab\"", "\"merges\"",
            "\"type\"", "\"BPE\"", "\"pre_tokenizer\"", "\"normalizer\"", "\"Regex\"", "\"id\"", "\"content\"",
            "\"special\"", "16777215", "16777216", "-1", "1e3", "null", "{}", "[]", "\"a b\"", "[\"a\",\"b\"]",
            "\"\\u0000\"", "\"\\ud800\"", "\"\"");
    private static final FuzzTarget TARGET = new FuzzTarget(TokenizerJsonFuzzTest.class, "tokenizer-json", DICTIONARY,
            TokenizerJsonFuzzTest::check);

    @TestFactory
    Stream<DynamicTest> everyInputIsATokenizerOrRefused() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    private static void check(byte[] input) {
        try {
            RoundTrips.check(
                    new Tokenizer(TokenizerJson.read(Path.of("tokenizer.json"), new ByteArrayInputStream(input),
                            input.length)),
                    "Hello, world! <|eot_id|> 字🚀 12345");
        } catch (ModelFormatException e) {
            Inputs.requireOneLine(e, "tokenizer.json: ");
        }
    }
}
