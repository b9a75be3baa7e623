package io.millrace.runtime.prompt;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.tokenizer.Unicode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Finds the tool calls in an answer, in the forms of Llama 3.1 to 3.3, tried in this order:
 * <ol>
 * <li>{@code <function=name>{...}</function>}, anywhere, any number;
 * <li>{@code {"name": ..., "parameters": {...}}}, also with {@code arguments} and with {@code "type": "function"}; several are
 * separated by semicolons or line breaks, and are the whole answer;
 * <li>{@code [f(a='b'), g()]}, the whole answer;
 * <li>after {@code <|python_tag|>} a built-in tool's {@code name.call(query="...")};
 * <li>after {@code <|python_tag|>} anything else, which is code.
 * </ol>
 * An answer is what a model happened to write: whatever is not exactly one of these forms is content, and nothing throws.
 * Immutable, any thread may use it.
 */
public final class AnswerParser {
    private static final String FUNCTION = "<function=";
    private static final String END_FUNCTION = "</function>";

    private final Tokenizer tokenizer;

    public AnswerParser(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /**
     * Parses an answer.
     *
     * @param generated all tokens of the turn
     * @param text the turn's text: theirs, cut off where a stop string ended it
     * @param tools whether the model was offered tools. If not, only {@code <|python_tag|>}, which text cannot imitate,
     *        makes a call of an answer
     */
    public Answer parse(int[] generated, String text, boolean tools) {
        int tag = indexOf(generated, tokenizer.specials().pythonTag());
        if (tag >= 0) {
            int before = Math.min(tokenizer.decode(Arrays.copyOf(generated, tag)).length(), text.length());
            return parseTagged(text.substring(0, before), text.substring(before));
        }
        return tools ? calls(text).map(Answer.class::cast).orElse(new Answer.Content(text)) : new Answer.Content(text);
    }

    private static int indexOf(int[] tokens, int token) {
        for (int i = 0; i < tokens.length; i++) {
            if (tokens[i] == token) {
                return i;
            }
        }
        return -1;
    }

    private static Answer parseTagged(String before, String after) {
        if (Unicode.trim(after).isEmpty()) {
            return new Answer.Content(before);
        }
        Answer.ToolCalls found = calls(after)
                .orElseGet(() -> new Answer.ToolCalls("", List.of(PythonCalls.builtIn(after)
                        .orElseGet(() -> BuiltInTool.CODE_INTERPRETER.call(after)))));
        return new Answer.ToolCalls(Unicode.trim(before + found.content()), found.calls());
    }

    private static Optional<Answer.ToolCalls> calls(String text) {
        return functionTags(text).or(() -> jsonObjects(text).map(AnswerParser::only))
                .or(() -> PythonCalls.list(text).map(AnswerParser::only));
    }

    private static Answer.ToolCalls only(List<ToolCall> calls) {
        return new Answer.ToolCalls("", calls);
    }

    private static Optional<Answer.ToolCalls> functionTags(String text) {
        List<ToolCall> calls = new ArrayList<>();
        var around = new StringBuilder();
        int from = 0;
        for (int tag = text.indexOf(FUNCTION); tag >= 0; tag = text.indexOf(FUNCTION, from)) {
            around.append(text, from, tag);
            int nameEnd = text.indexOf('>', tag);
            int arguments = nameEnd < 0 ? -1 : skipSpace(text, nameEnd + 1);
            int end = nameEnd < 0 ? -1 : JsonText.objectEnd(text, arguments);
            if (end < 0) {
                return Optional.empty();
            }
            String name = text.substring(tag + FUNCTION.length(), nameEnd);
            Optional<ObjectNode> object = JsonText.find(text.substring(arguments, end));
            from = skipSpace(text, end);
            if (!isName(name) || object.isEmpty() || !(text.startsWith(END_FUNCTION, from) || from == text.length())) {
                return Optional.empty();
            }
            calls.add(new ToolCall(name, JsonText.compact(object.get())));
            from = Math.min(text.length(), from + END_FUNCTION.length());
        }
        around.append(text, from, text.length());
        return calls.isEmpty()
                ? Optional.empty()
                : Optional.of(new Answer.ToolCalls(Unicode.trim(around.toString()), calls));
    }

    private static boolean isName(String name) {
        return !name.isBlank() && name.chars().noneMatch(c -> Unicode.isWhiteSpace(c) || "<>{}\"".indexOf(c) >= 0);
    }

    private static Optional<List<ToolCall>> jsonObjects(String text) {
        List<ToolCall> calls = new ArrayList<>();
        for (int from = skipSpace(text, 0); from < text.length();) {
            int end = JsonText.objectEnd(text, from);
            Optional<ToolCall> call = end < 0
                    ? Optional.empty()
                    : JsonText.find(text.substring(from, end)).flatMap(AnswerParser::jsonCall);
            from = end < 0 ? -1 : skipSeparator(text, end);
            if (call.isEmpty() || from < 0) {
                return Optional.empty();
            }
            calls.add(call.get());
        }
        return calls.isEmpty() ? Optional.empty() : Optional.of(calls);
    }

    private static Optional<ToolCall> jsonCall(ObjectNode object) {
        String name = object.path("name").asText("");
        JsonNode arguments = object.has("parameters") ? object.get("parameters") : object.path("arguments");
        boolean function = object.path("type").asText("function").equals("function");
        return object.path("name").isTextual() && !name.isBlank() && arguments.isObject() && function
                ? Optional.of(new ToolCall(name, JsonText.compact(arguments)))
                : Optional.empty();
    }

    /** The end of white space with a semicolon or a line break in it, or -1 when there is neither and more text follows. */
    private static int skipSeparator(String text, int from) {
        int i = from;
        boolean separated = false;
        while (i < text.length() && (Unicode.isWhiteSpace(text.charAt(i)) || text.charAt(i) == ';')) {
            separated |= text.charAt(i) == ';' || text.charAt(i) == '\n';
            i++;
        }
        return separated || i == text.length() ? i : -1;
    }

    private static int skipSpace(String text, int from) {
        int i = from;
        while (i < text.length() && Unicode.isWhiteSpace(text.charAt(i))) {
            i++;
        }
        return i;
    }
}
