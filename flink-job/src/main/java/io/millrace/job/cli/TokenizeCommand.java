package io.millrace.job.cli;

import io.millrace.runtime.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code millrace tokenize}: JSON strings in, arrays of token ids out. */
@Command(name = "tokenize", mixinStandardHelpOptions = true, description = {"Text to token ids.",
        "Reads one JSON string per line from standard input and writes one JSON array of ids per line, without "
                + "begin-of-text."}, footer = {"", "Example:",
                        "  echo '\"Hello, world!\"' | millrace tokenize --model model.gguf"})
final class TokenizeCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @ParentCommand
    private Millrace millrace;

    @Mixin
    private ModelOption model;

    @Option(names = "--specials", description = "Read the text of special tokens, such as <|eot_id|>, as those tokens. Without it, it is plain text.")
    private boolean specials;

    @Override
    public Integer call() throws IOException {
        Tokenizer tokenizer = Tokenizer.load(model.path());
        PrintWriter out = spec.commandLine().getOut();
        JsonLines<String> lines = new JsonLines<>(millrace.reader(), String.class, "a JSON string such as \"Hello\"");
        for (String text = lines.next(); text != null; text = lines.next()) {
            int[] ids = specials ? tokenizer.encodeWithSpecials(text) : tokenizer.encode(text);
            out.println(Json.line(ids));
        }
        return 0;
    }
}
