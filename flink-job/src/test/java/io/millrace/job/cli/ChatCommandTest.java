package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millrace;
import static io.millrace.job.cli.CommandRun.millraceReading;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatCommandTest {
    private static final Pattern FIGURES = Pattern.compile("prompt (\\d+) tokens, (\\d+) cached; [^;]*; (\\d+) tokens");

    private static Path model;

    @BeforeAll
    static void writeModel(@TempDir Path directory) throws IOException {
        model = SmallModel.in(directory);
    }

    private static CommandRun chat(String typed, Object... more) {
        List<Object> arguments = new ArrayList<>(List.of("chat", "--model", model, "--max-tokens", 10));
        arguments.addAll(Arrays.asList(more));
        CommandRun run = millraceReading(typed, arguments.toArray());
        assertThat(run.exitCode()).isZero();
        return run;
    }

    /** Prompt, cached and generated tokens of each turn. */
    private static List<int[]> turns(CommandRun run) {
        return FIGURES.matcher(run.err()).results().map(ChatCommandTest::numbers).toList();
    }

    private static int[] numbers(MatchResult figures) {
        return new int[]{Integer.parseInt(figures.group(1)), Integer.parseInt(figures.group(2)),
                Integer.parseInt(figures.group(3))};
    }

    @Test
    void answersAloneGoToStandardOutput() {
        CommandRun run = chat("Hello\n");

        String answer = run.out().strip();
        assertThat(answer).isNotEmpty().doesNotContain(">", "tokens");
        assertThat(run.err()).contains("/clear", "/exit", "> ").doesNotContain(answer);
    }

    @Test
    void aTurnComputesOnlyWhatIsNewInIt() {
        List<int[]> turns = turns(chat("Hello\nAnd now?\n", "--ignore-eos"));

        assertThat(turns).hasSize(2);
        assertThat(turns.getFirst()[1]).as("cached in the first turn").isZero();
        // All but the token drawn last, which is known and not yet computed.
        assertThat(turns.get(1)[1]).isEqualTo(turns.getFirst()[0] + turns.getFirst()[2] - 1);
        assertThat(turns.get(1)[0]).isGreaterThan(turns.getFirst()[0] + turns.getFirst()[2]);
    }

    @Test
    void clearBeginsANewConversation() {
        CommandRun run = chat("Hello\n/clear\nHello\n/exit\nnever read\n");

        List<int[]> turns = turns(run);
        assertThat(turns).hasSize(2);
        assertThat(turns.get(1)[0]).isEqualTo(turns.getFirst()[0]);
        List<String> answers = run.out().lines().toList();
        assertThat(answers.subList(0, answers.size() / 2))
                .isEqualTo(answers.subList(answers.size() / 2, answers.size()));
    }

    @Test
    void theSystemPromptStandsInFrontOnce() {
        List<int[]> plain = turns(chat("Hello\nHello\n", "--ignore-eos"));
        List<int[]> system = turns(chat("Hello\nHello\n", "--ignore-eos", "--system", "Be brief."));

        int more = system.getFirst()[0] - plain.getFirst()[0];
        assertThat(more).isPositive();
        assertThat(system.get(1)[0] - plain.get(1)[0]).isEqualTo(more);
    }

    @Test
    void aMessageThatDoesNotFitIsToldAndTheConversationGoesOn() {
        CommandRun run = chat("Hello\n" + "mill ".repeat(SmallModel.CONTEXT) + "\nHello\n");

        assertThat(run.err()).contains("context of " + SmallModel.CONTEXT + " tokens", "/clear");
        assertThat(turns(run)).hasSize(2);
    }

    @Test
    void aValueOutOfRangeIsRefusedBeforeAnythingIsSaid() {
        millrace("chat", "--model", model, "--top-p", 2).isRefused("--top-p: 2.0 is not above 0 and at most 1");
    }
}
