package io.millrace.job.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.CompletionChoice;
import io.millrace.schemas.CompletionError;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptTokensDetails;
import io.millrace.schemas.Timings;
import io.millrace.schemas.Usage;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

class DemoScreenTest {
    private final StringWriter shown = new StringWriter();
    private final DemoScreen screen = new DemoScreen(new PrintWriter(shown));

    private static CompletionEvent completion(String requestId) {
        return CompletionEvent.newBuilder().setRequestId(requestId)
                .setChoices(List.of(CompletionChoice.newBuilder().setFinishReason("length").build()))
                .setUsage(Usage.newBuilder().setPromptTokens(90).setCompletionTokens(48).setTotalTokens(138)
                        .setPromptTokensDetails(PromptTokensDetails.newBuilder().setCachedTokens(60).build()).build())
                .setTimings(Timings.newBuilder().setTtftMs(12.3).setTpotMs(4.0).build()).build();
    }

    private String shown() {
        return shown.toString().replace(System.lineSeparator(), "\n");
    }

    @Test
    void theFirstTurnStreamsAndTheOthersWaitForTheirPlace() {
        screen.asked("a/1", "a", 1, "How are you?");
        screen.asked("b/1", "b", 1, "And you?");
        screen.streamed("b/1", "I wait");
        screen.streamed("a/1", "I am ");
        assertThat(shown()).endsWith("a, turn 1\n  > How are you?\n  < I am ");

        screen.streamed("a/1", "well");
        assertThat(shown()).endsWith("  < I am well").doesNotContain("And you?", "I wait");
    }

    @Test
    void turnsOfDifferentConversationsStandOneBelowTheOther() {
        screen.asked("a/1", "a", 1, "How are you?");
        screen.asked("b/1", "b", 1, "And you?");
        screen.streamed("b/1", "Fine");
        screen.answered(completion("b/1"));
        screen.streamed("a/1", "Well");
        screen.answered(completion("a/1"));

        String figures = "\n    prompt 90 tokens: 60 cached, 30 computed | first token 12 ms | 48 tokens at 250 tokens/s"
                + " | length\n";
        assertThat(shown()).isEqualTo("\na, turn 1\n  > How are you?\n  < Well" + figures
                + "\nb, turn 1\n  > And you?\n  < Fine" + figures);
    }

    @Test
    void aTurnThatStartsWhileAnotherIsShownComesAfterIt() {
        screen.asked("a/1", "a", 1, "One");
        screen.asked("b/1", "b", 1, "Two");
        screen.answered(completion("a/1"));
        screen.asked("a/2", "a", 2, "Three");
        screen.streamed("a/2", "third");
        screen.streamed("b/1", "second");

        assertThat(shown()).contains("b, turn 1\n  > Two\n  < second").doesNotContain("Three");
        screen.answered(completion("b/1"));
        assertThat(shown()).endsWith("a, turn 2\n  > Three\n  < third");
    }

    @Test
    void linesOfAnAnswerAreIndented() {
        screen.asked("a/1", "a", 1, "List");
        screen.streamed("a/1", "one\ntwo");

        assertThat(shown()).endsWith("  < one\n    two");
    }

    @Test
    void anErrorStandsWhereTheFiguresWouldBe() {
        screen.asked("a/1", "a", 1, "Long");
        screen.answered(CompletionEvent.newBuilder().setRequestId("a/1").setError(CompletionError.newBuilder()
                .setType("invalid_request_error").setCode("context_length_exceeded").setMessage("too long").build())
                .build());

        assertThat(shown()).endsWith("    error context_length_exceeded: too long\n");
    }

    @Test
    void whatNobodyAskedForIsNotShown() {
        screen.streamed("x/1", "stray");
        screen.answered(completion("x/1"));

        assertThat(shown()).isEmpty();
    }
}
