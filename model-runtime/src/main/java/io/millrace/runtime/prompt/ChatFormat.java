package io.millrace.runtime.prompt;

import io.millrace.runtime.tokenizer.SpecialTokens;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.tokenizer.Unicode;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Messages to token ids, as Llama 3.1 was trained on them (Meta's prompt format of Llama 3.1; checked against its chat
 * template): a header with the role, the trimmed content, the end of the turn. Headers and contents are encoded apart, and
 * only the headers come with control tokens, so nothing in a message can pass for one.
 *
 * <p>A conversation is its start, its messages, and an open assistant header that the model continues. Each part's ids
 * depend on that part alone: a session that encodes every turn's new messages as they come has the ids of the whole
 * conversation encoded at once. Immutable, any thread may use it.
 */
public final class ChatFormat {
    // The two texts below are part of the format: the model was trained on these words.
    private static final String TOOLS_INTRODUCTION = """
            Given the following functions, please respond with a JSON for a function call \
            with its proper arguments that best answers the given prompt.

            Respond in the format {"name": function name, "parameters": dictionary of argument name and its value}. \
            Do not use variables.

            """;
    private static final String ENVIRONMENT = "Environment: ipython\n";

    private final Tokenizer tokenizer;
    private final SpecialTokens specials;

    public ChatFormat(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
        specials = tokenizer.specials();
    }

    /** What every conversation begins with. */
    public int[] encodeConversationStart() {
        return new int[]{specials.beginOfText()};
    }

    /** What a prompt ends with: the header of the answer, which the model continues. */
    public int[] openAssistant() {
        var ids = IntStream.builder();
        addHeader(ids, Role.ASSISTANT);
        return ids.build().toArray();
    }

    /** Whole messages, without tools. */
    public int[] encode(List<Message> messages) {
        return encode(messages, List.of(), Set.of());
    }

    /**
     * Whole messages, with the tools that they introduce; a conversation introduces its tools once.
     *
     * @param tools definitions that the first user message of {@code messages} shall carry
     * @param builtIn tools that the system message, the first of {@code messages}, shall turn on; one is put in front when
     *        there is none
     * @throws IllegalArgumentException when there are definitions and no user message, or an assistant message calls a
     *         built-in tool and the model has no token for that
     */
    public int[] encode(List<Message> messages, List<ToolDefinition> tools, Set<BuiltInTool> builtIn) {
        var ids = IntStream.builder();
        String environment = environment(builtIn);
        if (!environment.isEmpty() && (messages.isEmpty() || messages.getFirst().role() != Role.SYSTEM)) {
            addMessage(ids, new Message(Role.SYSTEM, environment));
            environment = "";
        }
        String definitions = definitions(tools);
        for (Message message : messages) {
            if (message.role() == Role.SYSTEM && !environment.isEmpty()) {
                addMessage(ids, new Message(Role.SYSTEM, environment + Unicode.trim(message.content())));
                environment = "";
            } else if (message.role() == Role.USER && !definitions.isEmpty()) {
                addMessage(ids, new Message(Role.USER, definitions + Unicode.trim(message.content())));
                definitions = "";
            } else {
                addMessage(ids, message);
            }
        }
        if (!definitions.isEmpty()) {
            throw new IllegalArgumentException("tools: definitions go into a user message, and there is none");
        }
        return ids.build().toArray();
    }

    private static String environment(Set<BuiltInTool> builtIn) {
        if (builtIn.isEmpty()) {
            return "";
        }
        String named = EnumSet.copyOf(builtIn).stream().filter(tool -> tool != BuiltInTool.CODE_INTERPRETER)
                .map(BuiltInTool::toolName).collect(Collectors.joining(", "));
        return ENVIRONMENT + (named.isEmpty() ? "" : "Tools: " + named + "\n") + "\n";
    }

    private static String definitions(List<ToolDefinition> tools) {
        return tools.isEmpty()
                ? ""
                : tools.stream().map(tool -> tool.prompt() + "\n\n")
                        .collect(Collectors.joining("", TOOLS_INTRODUCTION, ""));
    }

    private void addHeader(IntStream.Builder ids, Role role) {
        ids.add(specials.startHeader());
        addText(ids, role.header());
        ids.add(specials.endHeader());
        addText(ids, "\n\n");
    }

    private void addMessage(IntStream.Builder ids, Message message) {
        addHeader(ids, message.role());
        addText(ids, Unicode.trim(message.content()));
        ids.add(message.toolCalls().isEmpty() ? specials.endOfTurn() : addCalls(ids, message.toolCalls()));
    }

    /** The calls of an answer; returns the token that ends it. */
    private int addCalls(IntStream.Builder ids, List<ToolCall> calls) {
        if (calls.size() == 1) {
            for (BuiltInTool tool : BuiltInTool.values()) {
                if (tool.toolName().equals(calls.getFirst().name())) {
                    addBuiltInCall(ids, tool, calls.getFirst());
                    return specials.endOfMessage();
                }
            }
        }
        // One call is what Llama 3.1 documents; several are separated as its answers separate them.
        addText(ids, calls.stream().map(ChatFormat::json).collect(Collectors.joining("; ")));
        return specials.endOfTurn();
    }

    private void addBuiltInCall(IntStream.Builder ids, BuiltInTool tool, ToolCall call) {
        if (specials.pythonTag() < 0 || specials.endOfMessage() < 0) {
            throw new IllegalArgumentException(
                    "tool_calls: the model has no <|python_tag|> and <|eom_id|>, so it cannot call " + tool.toolName());
        }
        String field = "tool_calls: arguments of " + tool.toolName();
        String value = JsonText.object(field, call.arguments()).path(tool.argument()).textValue();
        if (value == null) {
            throw new IllegalArgumentException(field + ": no string " + tool.argument());
        }
        ids.add(specials.pythonTag());
        addText(ids, tool == BuiltInTool.CODE_INTERPRETER
                ? value
                : tool.toolName() + ".call(" + tool.argument() + "=" + PythonCalls.quote(value) + ")");
    }

    private static String json(ToolCall call) {
        return "{\"name\": " + JsonText.quote(call.name()) + ", \"parameters\": " + call.arguments() + "}";
    }

    private void addText(IntStream.Builder ids, String text) {
        for (int id : tokenizer.encode(text)) {
            ids.add(id);
        }
    }
}
