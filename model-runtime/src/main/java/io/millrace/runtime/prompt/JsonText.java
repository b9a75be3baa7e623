package io.millrace.runtime.prompt;

import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.runtime.text.OneLine;
import java.io.UncheckedIOException;
import java.util.Optional;

/** JSON objects in prompts and tool calls: read strictly, numbers kept as written, printed as Llama was trained on them. */
final class JsonText {
    private static final JsonMapper MAPPER = JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES).build();

    /** Python's {@code json.dumps(indent=4)}. */
    private static final ObjectWriter INDENTED = MAPPER
            .writer(new DefaultPrettyPrinter(Separators.createDefaultInstance()
                    .withObjectFieldValueSpacing(Separators.Spacing.AFTER).withObjectEmptySeparator("")
                    .withArrayEmptySeparator(""))
                    .withObjectIndenter(new DefaultIndenter("    ", "\n"))
                    .withArrayIndenter(new DefaultIndenter("    ", "\n")));

    private JsonText() {}

    static ObjectNode newObject() {
        return MAPPER.createObjectNode();
    }

    /**
     * Reads an object.
     *
     * @param field names the text in the error
     * @throws IllegalArgumentException when it is none
     */
    static ObjectNode object(String field, String text) {
        try {
            if (read(text) instanceof ObjectNode object) {
                return object;
            }
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(OneLine.of(field + ": no JSON object: " + e.getOriginalMessage()), e);
        }
        throw new IllegalArgumentException(OneLine.of(field + ": no JSON object"));
    }

    /** An object, or nothing when the text is none. */
    static Optional<ObjectNode> find(String text) {
        try {
            return read(text) instanceof ObjectNode object ? Optional.of(object) : Optional.empty();
        } catch (JsonProcessingException e) {
            return Optional.empty();
        }
    }

    private static JsonNode read(String text) throws JsonProcessingException {
        try {
            return MAPPER.readTree(text);
        } catch (NumberFormatException e) {
            // Jackson lets this one through for an exponent that no BigDecimal holds.
            throw new JsonParseException(null, "a number is out of range", e);
        }
    }

    /**
     * The end of the object that begins with the brace at {@code from}: after the brace that closes it. Or -1 when there is
     * none. What is between is not checked.
     */
    static int objectEnd(String text, int from) {
        if (from >= text.length() || text.charAt(from) != '{') {
            return -1;
        }
        int depth = 0;
        boolean string = false;
        for (int i = from; i < text.length(); i++) {
            char c = text.charAt(i);
            if (string && c == '\\') {
                i++;
            } else if (c == '"') {
                string = !string;
            } else if (!string && c == '{') {
                depth++;
            } else if (!string && c == '}' && --depth == 0) {
                return i + 1;
            }
        }
        return -1;
    }

    static String quote(String text) {
        return compact(MAPPER.getNodeFactory().textNode(text));
    }

    static String compact(JsonNode json) {
        return write(MAPPER.writer(), json);
    }

    static String indented(JsonNode json) {
        return write(INDENTED, json);
    }

    private static String write(ObjectWriter writer, JsonNode json) {
        try {
            return writer.writeValueAsString(json);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }
}
