package io.millrace.runtime.prompt;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.runtime.tokenizer.Unicode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The calls that Llama writes in Python: a list of calls with keyword arguments that are literals, and a built-in tool's
 * {@code name.call(query="...")}. A recursive-descent parser of just that; anything else is no call.
 */
final class PythonCalls {
    /** Deeper literals are not arguments of a tool; the bound keeps the stack small. */
    private static final int MAX_DEPTH = 64;
    private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?");

    private final String text;
    private int at;

    private PythonCalls(String text) {
        this.text = text;
    }

    /** The calls of {@code [f(a='b'), g()]}, when the whole text is such a list and not an empty one. */
    static Optional<List<ToolCall>> list(String text) {
        var parser = new PythonCalls(text);
        try {
            return Optional.of(parser.calls());
        } catch (MalformedException e) {
            return Optional.empty();
        }
    }

    /** The call of {@code name.call(query="...")}, when that is the whole text. */
    static Optional<ToolCall> builtIn(String text) {
        var parser = new PythonCalls(text);
        try {
            return Optional.of(parser.builtInCall());
        } catch (MalformedException e) {
            return Optional.empty();
        }
    }

    /** A string literal. */
    static String quote(String value) {
        return '"' + value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\r", "\\r") + '"';
    }

    private List<ToolCall> calls() throws MalformedException {
        List<ToolCall> calls = new ArrayList<>();
        expect('[');
        do {
            String name = name();
            calls.add(new ToolCall(name, JsonText.compact(keywordArguments())));
        } while (more(']'));
        expectEnd();
        return calls;
    }

    private ToolCall builtInCall() throws MalformedException {
        String method = name();
        ObjectNode arguments = keywordArguments();
        expectEnd();
        String name = method.endsWith(".call") ? method.substring(0, method.length() - ".call".length()) : "";
        if (name.isEmpty() || name.indexOf('.') >= 0 || arguments.size() != 1 || !arguments.path("query").isTextual()) {
            throw new MalformedException();
        }
        return new ToolCall(name, JsonText.compact(arguments));
    }

    private ObjectNode keywordArguments() throws MalformedException {
        ObjectNode arguments = JsonText.newObject();
        expect('(');
        if (accept(')')) {
            return arguments;
        }
        do {
            String name = name();
            expect('=');
            putNew(arguments, name, value(0));
        } while (more(')'));
        return arguments;
    }

    private static void putNew(ObjectNode object, String name, JsonNode value) throws MalformedException {
        if (object.has(name)) {
            throw new MalformedException();
        }
        object.set(name, value);
    }

    /** Whether another element follows a comma; otherwise takes the closing bracket, before which a comma may be. */
    private boolean more(char close) throws MalformedException {
        if (accept(',')) {
            return !accept(close);
        }
        expect(close);
        return false;
    }

    private JsonNode value(int depth) throws MalformedException {
        char c = peek();
        if (depth > MAX_DEPTH) {
            throw new MalformedException();
        }
        return switch (c) {
            case '\'', '"' -> JsonText.newObject().textNode(string());
            case '[' -> list(depth);
            case '{' -> dictionary(depth);
            default -> word();
        };
    }

    private JsonNode list(int depth) throws MalformedException {
        ArrayNode list = JsonText.newObject().arrayNode();
        expect('[');
        if (accept(']')) {
            return list;
        }
        do {
            list.add(value(depth + 1));
        } while (more(']'));
        return list;
    }

    private JsonNode dictionary(int depth) throws MalformedException {
        ObjectNode dictionary = JsonText.newObject();
        expect('{');
        if (accept('}')) {
            return dictionary;
        }
        do {
            peek();
            String key = string();
            expect(':');
            putNew(dictionary, key, value(depth + 1));
        } while (more('}'));
        return dictionary;
    }

    /** A number or a constant, in Python's or in JSON's spelling. */
    private JsonNode word() throws MalformedException {
        int from = at;
        while (at < text.length() && (isWordPart(text.charAt(at)) || "+-.".indexOf(text.charAt(at)) >= 0)) {
            at++;
        }
        String word = text.substring(from, at);
        return switch (word) {
            case "True", "true" -> JsonText.newObject().booleanNode(true);
            case "False", "false" -> JsonText.newObject().booleanNode(false);
            case "None", "null" -> JsonText.newObject().nullNode();
            default -> {
                if (!NUMBER.matcher(word).matches()) {
                    throw new MalformedException();
                }
                yield JsonText.find("{\"n\":" + word + "}").orElseThrow(MalformedException::new).get("n");
            }
        };
    }

    /** A name, perhaps with dots. */
    private String name() throws MalformedException {
        char first = peek();
        int from = at;
        while (at < text.length() && (isWordPart(text.charAt(at)) || text.charAt(at) == '.')) {
            at++;
        }
        if (!isWordPart(first) || Character.isDigit(first)) {
            throw new MalformedException();
        }
        return text.substring(from, at);
    }

    private static boolean isWordPart(char c) {
        return c == '_' || Character.isLetterOrDigit(c);
    }

    private String string() throws MalformedException {
        char quote = next();
        if (quote != '\'' && quote != '"') {
            throw new MalformedException();
        }
        var value = new StringBuilder();
        for (char c = next(); c != quote; c = next()) {
            if (c == '\\') {
                escape(value);
            } else {
                value.append(c);
            }
        }
        return value.toString();
    }

    private void escape(StringBuilder value) throws MalformedException {
        char c = next();
        switch (c) {
            case '\\', '\'', '"' -> value.append(c);
            case 'n' -> value.append('\n');
            case 'r' -> value.append('\r');
            case 't' -> value.append('\t');
            case 'x' -> value.append((char) hex(2));
            case 'u' -> value.append((char) hex(4));
            case 'U' -> {
                int codePoint = hex(8);
                if (!Character.isValidCodePoint(codePoint)) {
                    throw new MalformedException();
                }
                value.appendCodePoint(codePoint);
            }
            // Python keeps the backslash of an escape it does not know.
            default -> value.append('\\').append(c);
        }
    }

    private int hex(int digits) throws MalformedException {
        int value = 0;
        for (int i = 0; i < digits; i++) {
            int digit = Character.digit(next(), 16);
            if (digit < 0) {
                throw new MalformedException();
            }
            value = value << 4 | digit;
        }
        return value;
    }

    /** The next character that is no white space, not taken; NUL at the end. */
    private char peek() {
        while (at < text.length() && Unicode.isWhiteSpace(text.charAt(at))) {
            at++;
        }
        return at < text.length() ? text.charAt(at) : '\0';
    }

    private char next() throws MalformedException {
        if (at == text.length()) {
            throw new MalformedException();
        }
        return text.charAt(at++);
    }

    private boolean accept(char c) {
        boolean found = peek() == c;
        at += found ? 1 : 0;
        return found;
    }

    private void expect(char c) throws MalformedException {
        if (!accept(c)) {
            throw new MalformedException();
        }
    }

    private void expectEnd() throws MalformedException {
        peek();
        if (at < text.length()) {
            throw new MalformedException();
        }
    }

    /** The text is no call. Says no more: then it is content. */
    private static final class MalformedException extends Exception {
        private static final long serialVersionUID = 1L;

        MalformedException() {
            super(null, null, false, false);
        }
    }
}
