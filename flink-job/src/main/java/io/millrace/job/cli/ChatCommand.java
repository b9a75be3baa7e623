package io.millrace.job.cli;

import io.millrace.job.demo.Desk;
import io.millrace.runtime.engine.GenerationRequest;
import io.millrace.runtime.engine.GenerationStep;
import io.millrace.runtime.engine.TurnTiming;
import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.runtime.tokenizer.SpecialTokens;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code millrace chat}: a conversation in the terminal, whose KV cache stays from turn to turn. */
@Command(name = "chat", mixinStandardHelpOptions = true, description = {"Talk to a model in the terminal.",
        "The answer streams to standard output as it is generated. /clear begins a new conversation; /exit, the end "
                + "of input or Ctrl-C leaves."}, footer = {"", "Examples:", "  millrace chat",
                        "  millrace chat --model model.gguf --system 'Answer in one sentence.'"})
final class ChatCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @ParentCommand
    private Millrace millrace;

    @Mixin
    private DefaultModelOption model;

    @Option(names = "--system", paramLabel = "TEXT", description = "System prompt of the conversation. Default: none, or of the model that comes with Millrace what it was trained on.")
    private @Nullable String system;

    @Mixin
    private SamplingOptionGroup sampling;

    @Mixin
    private EngineOptionGroup engine;

    @Override
    public Integer call() throws IOException, InterruptedException {
        sampling.check();
        PrintWriter err = spec.commandLine().getErr();
        BufferedReader in = millrace.reader();
        try (LocalModel local = LocalModel.open(model.path(), model.cache().directory(), engine.options(), err);
                LocalSequence sequence = new LocalSequence(local.engine())) {
            err.printf("%s. /clear begins anew, /exit leaves.%n", local.weights().name());
            Conversation conversation = new Conversation(local, sequence);
            while (true) {
                err.print("\n> ");
                err.flush();
                String line = in.readLine();
                if (line == null || line.strip().equals("/exit")) {
                    err.println();
                    return 0;
                }
                if (line.strip().equals("/clear")) {
                    conversation.clear();
                    err.println("(a new conversation)");
                } else if (!line.isBlank()) {
                    conversation.turn(line);
                }
            }
        }
    }

    /** The token ids so far and what a turn adds to them. */
    private final class Conversation {
        private final LocalModel local;
        private final LocalSequence sequence;
        private final ChatFormat format;
        private final List<Integer> tokens = new ArrayList<>();

        Conversation(LocalModel local, LocalSequence sequence) {
            this.local = local;
            this.sequence = sequence;
            this.format = new ChatFormat(local.tokenizer());
        }

        void clear() {
            tokens.clear();
        }

        void turn(String text) throws InterruptedException {
            int before = tokens.size();
            append(newMessages(text));
            int limit = local.engine().contextLength();
            if (tokens.size() >= limit) {
                tokens.subList(before, tokens.size()).clear();
                spec.commandLine().getErr()
                        .printf("(this no longer fits the context of %d tokens; /clear begins anew)%n", limit);
                return;
            }
            PrintWriter out = spec.commandLine().getOut();
            int prompt = tokens.size();
            GenerationRequest request = sampling.request("chat",
                    tokens.stream().mapToInt(Integer::intValue).toArray(), local.tokenizer().specials());
            GenerationStep last = sequence.run(request, step -> {
                if (step.token() >= 0) {
                    tokens.add(step.token());
                }
                out.print(step.text());
                out.flush();
            });
            out.println();
            report(last.timing(), prompt, tokens.size() - prompt);
        }

        private int[] newMessages(String text) {
            SpecialTokens specials = local.tokenizer().specials();
            List<Message> messages = new ArrayList<>();
            IntStream opening;
            if (tokens.isEmpty()) {
                opening = IntStream.of(format.encodeConversationStart());
                if (system != null || !model.isNamed()) {
                    messages.add(new Message(Role.SYSTEM, system == null ? Desk.REPLY : system));
                }
            } else {
                int end = tokens.getLast();
                boolean open = end != specials.endOfTurn() && end != specials.endOfMessage();
                opening = open ? IntStream.of(specials.endOfTurn()) : IntStream.empty();
            }
            messages.add(new Message(Role.USER, text));
            IntStream body = IntStream.concat(IntStream.of(format.encode(messages)),
                    IntStream.of(format.openAssistant()));
            return IntStream.concat(opening, body).toArray();
        }

        private void append(int[] more) {
            for (int token : more) {
                tokens.add(token);
            }
        }

        private void report(TurnTiming timing, int prompt, int generated) {
            double seconds = (timing.elapsedNanos() - timing.firstTokenNanos()) / 1e9;
            String rate = generated > 1 && seconds > 0
                    ? String.format(Locale.ROOT, ", %.1f tokens/s", (generated - 1) / seconds)
                    : "";
            spec.commandLine().getErr().printf(Locale.ROOT,
                    "[prompt %d tokens, %d cached; first token %.0f ms; %d tokens%s]%n", prompt, timing.cachedTokens(),
                    timing.firstTokenNanos() / 1e6, generated, rate);
        }
    }
}
