package io.millrace.job.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.CompletionChoice;
import io.millrace.schemas.CompletionError;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.FunctionCall;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptTokensDetails;
import io.millrace.schemas.Timings;
import io.millrace.schemas.ToolCall;
import io.millrace.schemas.Usage;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

class DemoScreenTest {
    private static final String FIGURES = "\n    prompt 90 tokens: 60 cached, 30 computed | first token 12 ms"
            + " | 48 tokens at 250 tokens/s | length\n";

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
        screen.await(screen.begin("a, turn 1", "How are you?"), "a/1");
        screen.await(screen.begin("b, turn 1", "And you?"), "b/1");
        screen.streamed("b/1", "I wait");
        screen.streamed("a/1", "I am ");
        assertThat(shown()).endsWith("a, turn 1\n  > How are you?\n  < I am ");

        screen.streamed("a/1", "well");
        assertThat(shown()).endsWith("  < I am well").doesNotContain("And you?", "I wait");
    }

    @Test
    void turnsOfDifferentConversationsStandOneBelowTheOther() {
        DemoScreen.Turn a = screen.begin("a, turn 1", "How are you?");
        screen.await(a, "a/1");
        DemoScreen.Turn b = screen.begin("b, turn 1", "And you?");
        screen.await(b, "b/1");
        screen.streamed("b/1", "Fine");
        screen.answered(completion("b/1"));
        screen.end(b);
        screen.streamed("a/1", "Well");
        screen.answered(completion("a/1"));
        screen.end(a);

        assertThat(shown()).isEqualTo("\na, turn 1\n  > How are you?\n  < Well" + FIGURES
                + "\nb, turn 1\n  > And you?\n  < Fine" + FIGURES);
    }

    @Test
    void theAnswersOfATurnStandInTheOrderOfItsRequests() {
        DemoScreen.Turn turn = screen.begin("a, turn 1", "It leaks.");
        screen.await(turn, "a/triage");
        screen.await(turn, "a/1");
        screen.streamed("a/1", "Sorry.");
        screen.answered(completion("a/1"));
        screen.streamed("a/triage", "{}");
        screen.answered(completion("a/triage"));
        screen.end(turn);

        assertThat(shown()).isEqualTo("\na, turn 1\n  > It leaks.\n  < {}" + FIGURES + "  < Sorry." + FIGURES);
    }

    @Test
    void aCallAndItsResultStandBetweenQuestionAndAnswer() {
        DemoScreen.Turn turn = screen.begin("a, turn 1", "Where is it?");
        screen.await(turn, "a/1");
        CompletionEvent call = completion("a/1");
        call.getChoices().getFirst().setMessage(Message.newBuilder().setToolCalls(List.of(ToolCall.newBuilder()
                .setFunction(new FunctionCall("order_status", "{\"order_id\":\"1\"}")).build())).build());
        screen.answered(call);
        screen.say(turn, "=", "{\"status\":\"shipped\"}");
        screen.await(turn, "a/2");
        screen.streamed("a/2", "On its way.");

        assertThat(shown()).isEqualTo("\na, turn 1\n  > Where is it?\n  < order_status {\"order_id\":\"1\"}" + FIGURES
                + "  = {\"status\":\"shipped\"}\n  < On its way.");
    }

    @Test
    void aTurnThatIsNotOverHoldsItsPlace() {
        DemoScreen.Turn turn = screen.begin("a, turn 1", "One");
        screen.await(turn, "a/1");
        screen.answered(completion("a/1"));
        screen.begin("b, turn 1", "Two");
        assertThat(shown()).doesNotContain("Two");

        screen.end(turn);
        assertThat(shown()).endsWith("b, turn 1\n  > Two\n");
    }

    @Test
    void linesOfAnAnswerAreIndented() {
        screen.await(screen.begin("a, turn 1", "List"), "a/1");
        screen.streamed("a/1", "one\ntwo");

        assertThat(shown()).endsWith("  < one\n    two");
    }

    @Test
    void anErrorStandsWhereTheFiguresWouldBe() {
        screen.await(screen.begin("a, turn 1", "Long"), "a/1");
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
