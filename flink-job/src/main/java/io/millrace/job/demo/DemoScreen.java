package io.millrace.job.demo;

import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.Timings;
import io.millrace.schemas.Usage;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Ansi;

/**
 * Shows turns that run at the same time one below the other: the first one streams, the others wait in memory until their
 * place on the screen has come. Used by one thread.
 */
final class DemoScreen {
    private static final String INDENT = "    ";

    private final PrintWriter out;
    private final Map<String, Turn> waiting = new LinkedHashMap<>();
    private @Nullable Turn shown;

    DemoScreen(PrintWriter out) {
        this.out = out;
    }

    private static final class Turn {
        final String title;
        final String prompt;
        final StringBuilder text = new StringBuilder();
        int printed;
        @Nullable
        CompletionEvent completion;

        Turn(String title, String prompt) {
            this.title = title;
            this.prompt = prompt;
        }
    }

    void asked(String requestId, String conversation, int turn, String prompt) {
        waiting.put(requestId, new Turn(conversation + ", turn " + turn, prompt));
        refresh();
    }

    void streamed(String requestId, String text) {
        Turn turn = waiting.get(requestId);
        if (turn != null) {
            turn.text.append(text);
            refresh();
        }
    }

    void answered(CompletionEvent completion) {
        Turn turn = waiting.get(completion.getRequestId());
        if (turn != null) {
            turn.completion = completion;
            refresh();
        }
    }

    private void refresh() {
        while (!waiting.isEmpty()) {
            Map.Entry<String, Turn> first = waiting.entrySet().iterator().next();
            Turn turn = first.getValue();
            if (turn != shown) {
                shown = turn;
                out.println();
                out.println(Ansi.AUTO.string("@|bold " + turn.title + "|@"));
                out.println("  > " + turn.prompt);
                out.print("  < ");
            }
            out.print(turn.text.substring(turn.printed).replace("\n", "\n" + INDENT));
            turn.printed = turn.text.length();
            out.flush();
            CompletionEvent completion = turn.completion;
            if (completion == null) {
                return;
            }
            out.println();
            out.println(INDENT + Ansi.AUTO.string("@|faint " + figures(completion) + "|@"));
            waiting.remove(first.getKey());
        }
    }

    private static String figures(CompletionEvent completion) {
        if (completion.getError() != null) {
            return "error " + completion.getError().getCode() + ": " + completion.getError().getMessage();
        }
        Usage usage = Objects.requireNonNull(completion.getUsage(), "usage of an answered turn");
        Timings timings = Objects.requireNonNull(completion.getTimings(), "timings of an answered turn");
        int cached = cached(usage);
        String rate = timings.getTpotMs() == null || timings.getTpotMs() <= 0
                ? ""
                : String.format(Locale.ROOT, " at %.0f tokens/s", 1000 / timings.getTpotMs());
        return String.format(Locale.ROOT,
                "prompt %d tokens: %d cached, %d computed | first token %.0f ms | %d tokens%s | %s",
                usage.getPromptTokens(), cached, usage.getPromptTokens() - cached,
                timings.getTtftMs() == null ? 0.0 : timings.getTtftMs(), usage.getCompletionTokens(), rate,
                completion.getChoices().getFirst().getFinishReason());
    }

    static int cached(Usage usage) {
        return usage.getPromptTokensDetails() == null ? 0 : usage.getPromptTokensDetails().getCachedTokens();
    }
}
