package io.millrace.job.eval;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.millrace.runtime.prompt.Answer;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.ToolCall;
import io.millrace.training.desk.Criterion;
import io.millrace.training.desk.Dialogue;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An answer that was not right in everything, with all that is needed to see why; the names are those of its JSON.
 *
 * @param exchange its number in the dialogue, from 1
 * @param tools names of those that were offered
 * @param messages the conversation before the answer, as {@code role: text}
 * @param expected a right answer
 * @param answered what the model said
 * @param missed the criteria that it failed
 * @param failure why there was no answer; null when there was one
 */
public record Failure(
        @JsonProperty("dialogue") String dialogue,
        @JsonProperty("skill") String skill,
        @JsonProperty("language") String language,
        @JsonProperty("exchange") int exchange,
        @JsonProperty("tools") List<String> tools,
        @JsonProperty("messages") List<String> messages,
        @JsonProperty("expected") String expected,
        @JsonProperty("answered") String answered,
        @JsonProperty("missed") List<Criterion> missed,
        @JsonProperty("failure") @Nullable String failure) {

    static Failure of(Reply reply, Map<Criterion, Boolean> marks) {
        Dialogue dialogue = reply.dialogue();
        Message expected = reply.played().answer();
        return new Failure(dialogue.id(), dialogue.skill().name(), dialogue.language().code(), reply.exchange() + 1,
                dialogue.tools().stream().map(tool -> tool.name()).toList(),
                reply.messages().stream().map(
                        message -> message.role().header() + ": " + text(message.content(), message.toolCalls()))
                        .toList(),
                text(expected.content(), expected.toolCalls()),
                switch (reply.answer()) {
                    case Answer.Content(String text) -> text;
                    case Answer.ToolCalls(String content, List<ToolCall> calls) -> text(content, calls);
                }, marks.entrySet().stream().filter(mark -> !mark.getValue()).map(Map.Entry::getKey).sorted().toList(),
                reply.failure());
    }

    private static String text(String content, List<ToolCall> calls) {
        return content
                + calls.stream().map(call -> call.name() + call.arguments()).collect(Collectors.joining("; "));
    }
}
