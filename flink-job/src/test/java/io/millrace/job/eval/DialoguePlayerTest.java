package io.millrace.job.eval;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.job.kafka.ScriptedJob;
import io.millrace.runtime.prompt.Answer;
import io.millrace.runtime.prompt.BuiltInTool;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.runtime.prompt.ToolCall;
import io.millrace.runtime.prompt.ToolDefinition;
import io.millrace.schemas.CompletionChoice;
import io.millrace.schemas.CompletionError;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.FunctionCall;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.Tool;
import io.millrace.training.desk.Dialogue;
import io.millrace.training.desk.Exchange;
import io.millrace.training.desk.Expectation;
import io.millrace.training.desk.Language;
import io.millrace.training.desk.Skill;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class DialoguePlayerTest {
    private final List<Reply> replies = new ArrayList<>();

    private static Message user(String text) {
        return new Message(Role.USER, text);
    }

    private static Exchange exchange(Message... input) {
        return new Exchange(List.of(input), new Message(Role.ASSISTANT, "the reference"), new Expectation.Unscored());
    }

    private static Dialogue dialogue(String id, Exchange... exchanges) {
        return new Dialogue(id, Skill.MEMORY, Language.EN, List.of(), Set.of(), Arrays.asList(exchanges));
    }

    private static CompletionEvent says(String text) {
        return completion(io.millrace.schemas.Message.newBuilder().setContent(text).build(), "stop");
    }

    private static CompletionEvent calls(String name, String arguments) {
        return completion(io.millrace.schemas.Message.newBuilder().setToolCalls(
                List.of(io.millrace.schemas.ToolCall.newBuilder().setFunction(new FunctionCall(name, arguments))
                        .build()))
                .build(), "tool_calls");
    }

    private static CompletionEvent completion(io.millrace.schemas.Message message, String reason) {
        return CompletionEvent.newBuilder()
                .setChoices(List.of(CompletionChoice.newBuilder().setMessage(message).setFinishReason(reason).build()))
                .build();
    }

    private static CompletionEvent fails() {
        return CompletionEvent.newBuilder()
                .setChoices(List.of(CompletionChoice.newBuilder().setFinishReason("error").build()))
                .setError(CompletionError.newBuilder().setCode("context_length_exceeded").setMessage("too long")
                        .build())
                .build();
    }

    private ScriptedJob play(Function<PromptEvent, CompletionEvent> script, Dialogue... dialogues) {
        ScriptedJob job = new ScriptedJob(script);
        new DialoguePlayer(job, 2).play(Stream.of(dialogues).iterator(), replies::add);
        return job;
    }

    @Test
    void anExchangeSendsItsNewMessagesOnlyAndTheModelsOwnAnswersAreTheHistory() {
        Dialogue dialogue = dialogue("d", exchange(new Message(Role.SYSTEM, "Be brief."), user("One")),
                exchange(user("Two")));

        ScriptedJob job = play(prompt -> says("to " + prompt.getMessages().getLast().getContent()), dialogue);

        assertThat(job.heard).extracting(PromptEvent::getId).containsExactly("d/1", "d/2");
        assertThat(job.heard).allSatisfy(prompt -> {
            assertThat(prompt.getConversationId()).isEqualTo("d");
            assertThat(prompt.getTemperature()).isZero();
        });
        assertThat(job.heard).extracting(PromptEvent::getTurn).containsExactly(1, 2);
        assertThat(job.heard.get(1).getMessages()).hasSize(1);
        assertThat(replies).extracting(Reply::exchange).containsExactly(0, 1);
        assertThat(replies.get(1).messages()).containsExactly(new Message(Role.SYSTEM, "Be brief."), user("One"),
                new Message(Role.ASSISTANT, "to One"), user("Two"));
        assertThat(replies.get(1).answer()).isEqualTo(new Answer.Content("to Two"));
        assertThat(job.ended).containsExactly("d");
    }

    @Test
    void oneExchangeIsARequestWithoutASession() {
        ScriptedJob job = play(_ -> says("{}"), dialogue("d", exchange(user("One"))));

        assertThat(job.heard.getFirst().getConversationId()).isNull();
        assertThat(job.heard.getFirst().getTurn()).isNull();
        assertThat(job.ended).isEmpty();
    }

    @Test
    void toolsAreIntroducedOnceAndAResultIsSentWhenTheModelCalled() {
        Dialogue dialogue = new Dialogue("d", Skill.TOOLS, Language.EN,
                List.of(new ToolDefinition("order_status", "Says where it is.", "{\"type\": \"object\"}")),
                Set.of(BuiltInTool.CODE_INTERPRETER),
                List.of(exchange(user("Where?")), exchange(new Message(Role.IPYTHON, "{\"status\": \"shipped\"}"))));

        ScriptedJob job = play(prompt -> prompt.getTurn() == 1
                ? calls("order_status", "{\"order\":\"1\"}")
                : says("It is shipped."), dialogue);

        List<Tool> tools = job.heard.getFirst().getTools();
        assertThat(tools).extracting(Tool::getType).containsExactly("function", "code_interpreter");
        assertThat(tools.getFirst().getFunction().getName()).isEqualTo("order_status");
        assertThat(tools.getFirst().getFunction().getDescription()).isEqualTo("Says where it is.");
        assertThat(tools.getFirst().getFunction().getParameters()).isEqualTo("{\"type\": \"object\"}");
        assertThat(job.heard.get(1).getTools()).isEmpty();
        assertThat(job.heard.get(1).getMessages().getFirst().getRole()).isEqualTo("ipython");
        assertThat(replies.getFirst().answer()).isEqualTo(
                new Answer.ToolCalls("", List.of(new ToolCall("order_status", "{\"order\":\"1\"}"))));
        assertThat(replies.get(1).answer()).isEqualTo(new Answer.Content("It is shipped."));
    }

    @Test
    void withoutACallThereIsNoResultToSend() {
        Dialogue dialogue = dialogue("d", exchange(user("Where?")), exchange(new Message(Role.IPYTHON, "{}")),
                exchange(user("Thanks")));

        ScriptedJob job = play(_ -> says("Somewhere."), dialogue);

        assertThat(job.heard).hasSize(1);
        assertThat(replies).extracting(Reply::exchange).containsExactly(0, 1, 2);
        assertThat(replies.get(1).answer()).isEqualTo(new Answer.Content(""));
        assertThat(replies.get(1).failure()).contains("no tool was called");
        assertThat(job.ended).containsExactly("d");
    }

    @Test
    void anErrorEndsItsConversationAndNoOther() {
        ScriptedJob job = play(prompt -> prompt.getId().startsWith("bad") ? fails() : says("Yes."),
                dialogue("bad", exchange(user("One")), exchange(user("Two"))),
                dialogue("good", exchange(user("One")), exchange(user("Two"))));

        assertThat(job.heard).extracting(PromptEvent::getId).containsExactly("bad/1", "good/1", "good/2");
        Map<String, List<Reply>> byDialogue = replies.stream()
                .collect(Collectors.groupingBy(reply -> reply.dialogue().id()));
        assertThat(byDialogue.get("bad")).extracting(Reply::failure)
                .containsExactly("context_length_exceeded: too long", "the exchange before failed");
        assertThat(byDialogue.get("good")).extracting(Reply::failure).containsOnlyNulls();
    }

    @Test
    void noMoreConversationsAreHeldAtATimeThanSaid() {
        Dialogue[] dialogues = IntStream.range(0, 7).mapToObj(i -> dialogue("d" + i, exchange(user("One"))))
                .toArray(Dialogue[]::new);

        ScriptedJob job = play(_ -> says("Yes."), dialogues);

        assertThat(job.mostWaiting).isEqualTo(2);
        assertThat(replies).hasSize(7);
    }
}
