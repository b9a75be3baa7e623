package io.millrace.job.cli;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.millrace.runtime.engine.FinishReason;
import io.millrace.runtime.engine.GenerationStep;
import io.millrace.runtime.engine.TurnTiming;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.weights.LlamaConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code millrace generate}: one continuation. */
@Command(name = "generate", mixinStandardHelpOptions = true, description = "Continue a text, a conversation or token ids, once.", footer = {
        "", "Examples:", "  millrace generate -m model.gguf --prompt 'Once upon a time' --max-tokens 50",
        "  millrace generate -m model.gguf --messages chat.json --temperature 0 --json", "",
        "A messages file holds [{\"role\":\"user\",\"content\":\"Hello\"}], or an object with \"messages\" and "
                + "\"tools\"; - reads standard input."})
final class GenerateCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @ParentCommand
    private Millrace millrace;

    @Mixin
    private DefaultModelOption model;

    @ArgGroup(multiplicity = "1")
    private Source source;

    @Mixin
    private SamplingOptionGroup sampling;

    @Mixin
    private EngineOptionGroup engine;

    @Option(names = "--json", description = "Write one object with prompt_ids, ids, text, finish_reason, usage and timings instead of the text.")
    private boolean json;

    /** Where the prompt comes from: one of three. */
    static final class Source {
        @Option(names = "--prompt", paramLabel = "TEXT", description = "A text to go on with, as it is, after begin-of-text; no chat format.")
        private @Nullable String prompt;

        @Option(names = "--messages", paramLabel = "FILE", description = "A conversation, as JSON, to answer.")
        private @Nullable Path messages;

        @Option(names = "--ids", paramLabel = "IDS", description = "Token ids with commas between them, taken as they are.")
        private @Nullable String ids;

        /** The option that was given. */
        String name() {
            return ids != null ? "--ids" : messages != null ? "--messages" : "--prompt";
        }

        int[] tokens(Tokenizer tokenizer, InputStream standardInput) throws IOException {
            if (ids != null) {
                return TokenIds.parse(ids);
            }
            if (messages != null) {
                return MessagesFile.read(messages, standardInput).encode(tokenizer);
            }
            int[] text = tokenizer.encode(Objects.requireNonNull(prompt));
            return IntStream.concat(IntStream.of(tokenizer.specials().beginOfText()), IntStream.of(text)).toArray();
        }
    }

    record Usage(
            @JsonProperty("prompt_tokens") int promptTokens,
            @JsonProperty("completion_tokens") int completionTokens,
            @JsonProperty("total_tokens") int totalTokens) {}

    record Timings(
            @JsonProperty("queue_ms") double queueMillis,
            @JsonProperty("ttft_ms") double firstTokenMillis,
            @JsonProperty("tpot_ms") double perOutputTokenMillis,
            @JsonProperty("total_ms") double totalMillis) {

        static Timings of(TurnTiming timing, int completionTokens) {
            double afterFirst = (timing.elapsedNanos() - timing.firstTokenNanos()) / 1e6;
            return new Timings(
                    timing.queuedNanos() / 1e6,
                    timing.firstTokenNanos() / 1e6,
                    completionTokens > 1 ? afterFirst / (completionTokens - 1) : 0,
                    timing.elapsedNanos() / 1e6);
        }
    }

    record Result(
            @JsonProperty("prompt_ids") int[] promptIds,
            @JsonProperty("ids") List<Integer> ids,
            @JsonProperty("text") String text,
            @JsonProperty("finish_reason") String finishReason,
            @JsonProperty("usage") Usage usage,
            @JsonProperty("timings") Timings timings) {}

    private void check(int[] prompt, LocalModel local) {
        LlamaConfig config = local.weights().config();
        TokenIds.check(prompt, source.name(), config.vocabSize());
        int context = local.engine().contextLength();
        if (prompt.length >= context) {
            throw new InvalidInput(source.name() + ": " + prompt.length + " tokens leave no room in the context of "
                    + context + " tokens" + (context < config.contextLength() ? ", which --kv-memory limits" : ""));
        }
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        sampling.check();
        PrintWriter out = spec.commandLine().getOut();
        try (LocalModel local = LocalModel.open(model.path(), model.cache().directory(), engine.options(),
                spec.commandLine().getErr());
                LocalSequence sequence = new LocalSequence(local.engine())) {
            int[] prompt = source.tokens(local.tokenizer(), millrace.standardInput());
            check(prompt, local);
            List<Integer> ids = new ArrayList<>();
            StringBuilder text = new StringBuilder();
            GenerationStep last = sequence.run(sampling.request("generate", prompt, local.tokenizer().specials()),
                    step -> {
                        if (step.token() >= 0) {
                            ids.add(step.token());
                        }
                        text.append(step.text());
                        if (!json) {
                            out.print(step.text());
                            out.flush();
                        }
                    });
            if (json) {
                String reason = Objects.requireNonNull(last.finish()).name().toLowerCase(Locale.ROOT);
                Usage usage = new Usage(prompt.length, ids.size(), prompt.length + ids.size());
                out.println(Json.line(new Result(prompt, ids, text.toString(), reason, usage,
                        Timings.of(last.timing(), ids.size()))));
            } else {
                out.println();
            }
            return last.finish() == FinishReason.CANCELLED ? 1 : 0;
        }
    }
}
