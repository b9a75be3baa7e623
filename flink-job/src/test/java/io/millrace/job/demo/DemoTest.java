package io.millrace.job.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.job.kafka.ScriptedJob;
import io.millrace.schemas.CompletionChoice;
import io.millrace.schemas.CompletionError;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.FunctionCall;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.Timings;
import io.millrace.schemas.ToolCall;
import io.millrace.schemas.Usage;
import io.millrace.training.desk.Language;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DemoTest {
    private final StringWriter shown = new StringWriter();

    private static CompletionEvent completion(Message message) {
        return CompletionEvent.newBuilder()
                .setChoices(List.of(CompletionChoice.newBuilder().setMessage(message).setFinishReason("stop").build()))
                .setUsage(Usage.newBuilder().setPromptTokens(10).setCompletionTokens(2).build())
                .setTimings(Timings.newBuilder().build()).build();
    }

    private static CompletionEvent says(String text) {
        return completion(Message.newBuilder().setContent(text).build());
    }

    private static CompletionEvent calls() {
        return completion(Message.newBuilder().setToolCalls(List.of(ToolCall.newBuilder()
                .setFunction(new FunctionCall("order_status", "{\"order_id\":\"50977\"}")).build())).build());
    }

    private ScriptedJob demo(int conversations, int turns, Function<PromptEvent, CompletionEvent> script) {
        ScriptedJob job = new ScriptedJob(script);
        assertThat(new Demo(job, new PrintWriter(shown)).run(conversations, turns)).isTrue();
        return job;
    }

    @Test
    void theCustomersWriteInEveryLanguage() {
        assertThat(IntStream.range(0, 8).mapToObj(i -> Customer.of(i, 2).language()))
                .containsExactlyInAnyOrder(Language.values());
    }

    @Test
    void aFirstMessageIsTriagedWithoutASessionAndAnsweredInOne() {
        ScriptedJob job = demo(1, 2, _ -> says("Yes."));

        assertThat(job.heard).extracting(PromptEvent::getId).containsExactly("customer-1/triage", "customer-1/1",
                "customer-1/2");
        assertThat(job.heard).extracting(PromptEvent::getConversationId).containsExactly(null, "customer-1",
                "customer-1");
        assertThat(job.heard.get(0).getMessages()).extracting(Message::getContent).containsExactly(Desk.TRIAGE,
                Customer.of(0, 2).messages().getFirst());
        assertThat(job.heard.get(2).getMessages()).extracting(Message::getContent)
                .containsExactly(Customer.of(0, 2).messages().get(1));
    }

    @Test
    void whatTheModelAsksOfTheShopIsLookedUpAndSentToItsSession() {
        ScriptedJob job = demo(2, 1, prompt -> prompt.getId().equals("customer-2/1") ? calls() : says("Yes."));

        PromptEvent asked = job.heard.stream().filter(prompt -> prompt.getId().equals("customer-2/1")).findFirst()
                .orElseThrow();
        assertThat(asked.getTools()).extracting(tool -> tool.getFunction().getName()).contains("order_status");
        PromptEvent result = job.heard.getLast();
        assertThat(result.getConversationId()).isEqualTo("customer-2");
        assertThat(result.getMessages()).extracting(Message::getRole).containsExactly("tool");
        assertThat(result.getMessages()).extracting(Message::getContent).containsExactly("{\"status\":\"shipped\"}");
        assertThat(shown.toString()).contains("  < order_status {\"order_id\":\"50977\"}",
                "  = {\"status\":\"shipped\"}");
    }

    @Test
    void aModelThatOnlyCallsComesToAnEnd() {
        ScriptedJob job = demo(2, 1, prompt -> prompt.getConversationId() == null ? says("{}") : calls());

        assertThat(job.heard).hasSizeLessThan(20);
    }

    @Test
    void anErrorIsShownAndCounted() {
        ScriptedJob job = new ScriptedJob(_ -> CompletionEvent.newBuilder().setError(
                CompletionError.newBuilder().setCode("context_length_exceeded").setMessage("too long").build())
                .build());

        assertThat(new Demo(job, new PrintWriter(shown)).run(1, 1)).isFalse();
        assertThat(shown.toString()).contains("error context_length_exceeded: too long", "2 with an error");
    }
}
