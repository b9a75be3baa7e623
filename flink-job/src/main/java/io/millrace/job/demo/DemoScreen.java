package io.millrace.job.demo;

import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.Message;
import io.millrace.schemas.Timings;
import io.millrace.schemas.Usage;
import java.io.PrintWriter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Ansi;

/**
 * Shows turns that run at the same time one below the other: the first one streams, the others wait in memory until their
 * place on the screen has come. A turn is what a customer says and what is answered, in one request or several. Used by one
 * thread.
 */
final class DemoScreen {
    private static final String INDENT = "    ";
    private static final String ANSWER = "<";

    private final PrintWriter out;
    private final Queue<Turn> turns = new ArrayDeque<>();
    /** By the id of the request that it shows. */
    private final Map<String, Line> answers = new HashMap<>();

    DemoScreen(PrintWriter out) {
        this.out = out;
    }

    /** A turn on the screen, open until no more lines come. */
    static final class Turn {
        private final String title;
        private final List<Line> lines = new ArrayList<>();
        private int shown;
        private boolean begun;
        private boolean complete;

        private Turn(String title) {
            this.title = title;
        }
    }

    /** A mark and a text that may still grow. */
    private static final class Line {
        final String mark;
        final StringBuilder text = new StringBuilder();
        int printed = -1;
        boolean complete;
        @Nullable
        String figures;

        Line(String mark) {
            this.mark = mark;
        }
    }

    /** Begins a turn with what the customer says. */
    Turn begin(String title, String said) {
        Turn turn = new Turn(title);
        turns.add(turn);
        say(turn, ">", said);
        return turn;
    }

    /** A line that is known as a whole. */
    void say(Turn turn, String mark, String text) {
        Line line = new Line(mark);
        line.text.append(text);
        line.complete = true;
        turn.lines.add(line);
        refresh();
    }

    /** A line for the answer to a request. */
    void await(Turn turn, String requestId) {
        Line line = new Line(ANSWER);
        turn.lines.add(line);
        answers.put(requestId, line);
        refresh();
    }

    /** More of an answer. */
    void streamed(String requestId, String text) {
        Line line = answers.get(requestId);
        if (line != null) {
            line.text.append(text);
            refresh();
        }
    }

    /** The end of an answer. */
    void answered(CompletionEvent completion) {
        Line line = answers.remove(completion.getRequestId());
        if (line != null) {
            line.text.append(calls(completion));
            line.figures = figures(completion);
            line.complete = true;
            refresh();
        }
    }

    /** The turn has all its lines. */
    void end(Turn turn) {
        turn.complete = true;
        refresh();
    }

    private void refresh() {
        for (Turn turn = turns.peek(); turn != null && show(turn); turn = turns.peek()) {
            turns.remove();
        }
        out.flush();
    }

    /** Prints what is new in a turn; returns whether it is over. */
    private boolean show(Turn turn) {
        if (!turn.begun) {
            turn.begun = true;
            out.println();
            out.println(Ansi.AUTO.string("@|bold " + turn.title + "|@"));
        }
        while (turn.shown < turn.lines.size() && show(turn.lines.get(turn.shown))) {
            turn.shown++;
        }
        return turn.complete && turn.shown == turn.lines.size();
    }

    private boolean show(Line line) {
        if (line.printed < 0) {
            line.printed = 0;
            out.print("  " + line.mark + " ");
        }
        out.print(line.text.substring(line.printed).replace("\n", "\n" + INDENT));
        line.printed = line.text.length();
        if (!line.complete) {
            return false;
        }
        out.println();
        if (line.figures != null) {
            out.println(INDENT + Ansi.AUTO.string("@|faint " + line.figures + "|@"));
        }
        return true;
    }

    /** Calls are not streamed: they are known when the answer is whole. */
    private static String calls(CompletionEvent completion) {
        Message message = completion.getChoices().isEmpty() ? null : completion.getChoices().getFirst().getMessage();
        return message == null
                ? ""
                : message.getToolCalls().stream()
                        .map(call -> call.getFunction().getName() + " " + call.getFunction().getArguments())
                        .collect(Collectors.joining("; "));
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
