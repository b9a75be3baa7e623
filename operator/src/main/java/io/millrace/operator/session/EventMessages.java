package io.millrace.operator.session;

import io.millrace.runtime.prompt.BuiltInTool;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.runtime.prompt.ToolCall;
import io.millrace.runtime.prompt.ToolDefinition;
import io.millrace.schemas.FunctionDefinition;
import io.millrace.schemas.Tool;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * The messages and tools of an event as the prompt format knows them. Every method throws {@link IllegalArgumentException}
 * that names the field when an event's value is none of the format's.
 */
public final class EventMessages {
    private EventMessages() {}

    /** At least one message. */
    public static List<Message> messages(List<io.millrace.schemas.Message> given) {
        if (given.isEmpty()) {
            throw new IllegalArgumentException("messages: empty; a turn needs at least one message");
        }
        List<Message> messages = new ArrayList<>();
        for (int i = 0; i < given.size(); i++) {
            try {
                messages.add(message(given.get(i)));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("messages[" + i + "]." + e.getMessage(), e);
            }
        }
        return messages;
    }

    private static Message message(io.millrace.schemas.Message given) {
        Role role = Role.parse(given.getRole());
        List<ToolCall> calls = new ArrayList<>();
        if (given.getToolCalls() != null) {
            given.getToolCalls().forEach(
                    call -> calls.add(new ToolCall(call.getFunction().getName(), call.getFunction().getArguments())));
        }
        String content = given.getContent();
        if (content == null && calls.isEmpty()) {
            throw new IllegalArgumentException("content: missing");
        }
        return new Message(role, content == null ? "" : content, calls);
    }

    /** The functions among the tools. */
    public static List<ToolDefinition> definitions(List<Tool> tools) {
        List<ToolDefinition> definitions = new ArrayList<>();
        for (Tool tool : tools) {
            if ("function".equals(tool.getType())) {
                FunctionDefinition function = tool.getFunction();
                if (function == null) {
                    throw new IllegalArgumentException("tools: a tool of type function has no function");
                }
                definitions.add(new ToolDefinition(function.getName(),
                        function.getDescription() == null ? "" : function.getDescription(),
                        function.getParameters() == null ? "{}" : function.getParameters()));
            }
        }
        return definitions;
    }

    /** The tools that are the model's own. */
    public static Set<BuiltInTool> builtIn(List<Tool> tools) {
        Set<BuiltInTool> builtIn = EnumSet.noneOf(BuiltInTool.class);
        for (Tool tool : tools) {
            if (!"function".equals(tool.getType())) {
                builtIn.add(builtIn(tool.getType()));
            }
        }
        return builtIn;
    }

    private static BuiltInTool builtIn(String name) {
        for (BuiltInTool tool : BuiltInTool.values()) {
            if (tool.toolName().equals(name)) {
                return tool;
            }
        }
        throw new IllegalArgumentException("tools: unknown type '" + name
                + "', expected function, code_interpreter, brave_search or wolfram_alpha");
    }
}
