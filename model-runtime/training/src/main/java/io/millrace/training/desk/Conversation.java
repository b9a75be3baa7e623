package io.millrace.training.desk;

import io.millrace.runtime.prompt.BuiltInTool;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.runtime.prompt.ToolCall;
import io.millrace.runtime.prompt.ToolDefinition;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** A dialogue that is being written, turn by turn. Used by one thread. */
final class Conversation {
    private final List<Exchange> exchanges = new ArrayList<>();
    private final List<Message> input = new ArrayList<>();
    private final List<ToolDefinition> tools = new ArrayList<>();
    private final Set<BuiltInTool> builtIn = EnumSet.noneOf(BuiltInTool.class);

    void system(String text) {
        input.add(new Message(Role.SYSTEM, text));
    }

    void user(String text) {
        input.add(new Message(Role.USER, text));
    }

    void result(String text) {
        input.add(new Message(Role.IPYTHON, text));
    }

    void answer(String text, Expectation expected) {
        close(new Message(Role.ASSISTANT, text), expected);
    }

    void call(ToolCall call, Expectation expected) {
        close(new Message(Role.ASSISTANT, "", List.of(call)), expected);
    }

    private void close(Message answer, Expectation expected) {
        exchanges.add(new Exchange(input, answer, expected));
        input.clear();
    }

    void offer(List<ToolDefinition> definitions) {
        tools.addAll(definitions);
    }

    void turnOn(BuiltInTool tool) {
        builtIn.add(tool);
    }

    Dialogue dialogue(String id, Skill skill, Language language) {
        return new Dialogue(id, skill, language, tools, builtIn, exchanges);
    }
}
