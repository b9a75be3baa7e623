package io.millrace.runtime.tokenizer;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.fuzz.Inputs;
import io.millrace.runtime.weights.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whatever a GGUF file says of its tokenizer, it is one that works or refused with a {@link ModelFormatException}. */
public final class GgufTokenizerFuzzTest {
    private static final List<String> DICTIONARY = List.of("GGUF", "tokenizer.ggml.model", "gpt2",
            "tokenizer.ggml.pre", "llama-bpe", "tokenizer.ggml.tokens", "tokenizer.ggml.token_type",
            "tokenizer.ggml.merges", "tokenizer.ggml.bos_token_id", "<|eot_id|>");
    private static final FuzzTarget TARGET = new FuzzTarget(GgufTokenizerFuzzTest.class, "gguf-tokenizer", DICTIONARY,
            GgufTokenizerFuzzTest::check);
    private static final Path FILE = FuzzTarget.directory("gguf-tokenizer-model").resolve("model.gguf");

    @TestFactory
    Stream<DynamicTest> everyInputIsATokenizerOrRefused() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    private static void check(byte[] input) throws IOException {
        Files.write(FILE, input);
        try {
            RoundTrips.check(Tokenizer.load(FILE), "Hello, world! <|eot_id|> 字🚀 12345");
        } catch (ModelFormatException e) {
            Inputs.requireOneLine(e, FILE + ": ");
        }
    }
}
