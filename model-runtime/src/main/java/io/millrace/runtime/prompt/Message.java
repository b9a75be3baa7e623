package io.millrace.runtime.prompt;

import java.util.List;

/**
 * A message of a conversation. Llama's format has no place for a speaker's name or for the id of the call that a tool's
 * result answers; results follow in the order of the calls.
 *
 * @param role who speaks
 * @param content plain text; whatever it holds, it stays text
 * @param toolCalls calls that an assistant's message makes; empty for other roles
 */
public record Message(Role role, String content, List<ToolCall> toolCalls) {

    /** @throws IllegalArgumentException when another than the assistant calls tools */
    public Message {
        toolCalls = List.copyOf(toolCalls);
        if (role != Role.ASSISTANT && !toolCalls.isEmpty()) {
            throw new IllegalArgumentException(
                    "tool_calls: only assistant messages call tools, not " + role.header() + " messages");
        }
    }

    /** A message without tool calls. */
    public Message(Role role, String content) {
        this(role, content, List.of());
    }
}
