package io.millrace.job.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.runtime.tokenizer.Tokenizer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace tokenize}: JSON strings in, arrays of token ids out. */
@Command(name = "tokenize", mixinStandardHelpOptions = true, description = {"Text to token ids.",
        "Reads one JSON string per line from standard input and writes one JSON array of ids per line, without "
                + "begin-of-text."}, footer = {"", "Example:",
                        "  echo '\"Hello, world!\"' | millrace tokenize --model model.gguf"})
final class TokenizeCommand implements Callable<Integer> {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelOption model;

    @Option(names = "--specials", description = "Read the text of special tokens, such as <|eot_id|>, as those tokens. Without it, it is plain text.")
    private boolean specials;

    @Override
    public Integer call() throws IOException {
        Tokenizer tokenizer = Tokenizer.load(model.path());
        PrintWriter out = spec.commandLine().getOut();
        BufferedReader in = StandardInput.reader();
        int lineNumber = 0;
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            lineNumber++;
            if (line.isBlank()) {
                continue;
            }
            String text = parse(line, lineNumber);
            out.println(
                    JSON.writeValueAsString(specials ? tokenizer.encodeWithSpecials(text) : tokenizer.encode(text)));
        }
        return 0;
    }

    private static String parse(String line, int lineNumber) {
        try {
            return JSON.readValue(line, String.class);
        } catch (JsonProcessingException e) {
            throw new CommandFailure(
                    "standard input, line " + lineNumber + ": expected a JSON string such as \"Hello\": "
                            + e.getOriginalMessage(),
                    e);
        }
    }
}
