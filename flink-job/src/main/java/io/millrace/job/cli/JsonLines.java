package io.millrace.job.cli;

import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.BufferedReader;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Standard input with one JSON value per line; blank lines are skipped. */
final class JsonLines<T> {
    /** Takes a value for what it is: 1.5 is no token id, and "1" is none either. */
    private static final ObjectMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT).disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .withCoercionConfig(LogicalType.Textual, text -> text
                    .setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                    .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                    .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
            .build();

    private final BufferedReader in;
    private final Class<T> type;
    private final String expected;
    private int lineNumber;

    /** @param expected names the type and gives an example, for the user */
    JsonLines(BufferedReader in, Class<T> type, String expected) {
        this.in = in;
        this.type = type;
        this.expected = expected;
    }

    /** The next value, or null at the end of input. */
    @Nullable
    T next() throws IOException {
        String line = in.readLine();
        lineNumber++;
        while (line != null && line.isBlank()) {
            line = in.readLine();
            lineNumber++;
        }
        return line == null ? null : parse(line);
    }

    /** Where the last value was, for errors. */
    String place() {
        return "standard input, line " + lineNumber;
    }

    private T parse(String line) {
        T value;
        try {
            value = JSON.readValue(line, type);
        } catch (JsonParseException e) {
            throw new InvalidInput(place() + ": expected " + expected + ": " + e.getOriginalMessage(), e);
        } catch (JsonProcessingException e) {
            // Jackson tells of other values in the names of Java's classes.
            throw new InvalidInput(place() + ": expected " + expected, e);
        }
        if (value == null) {
            throw new InvalidInput(place() + ": expected " + expected + ", found null");
        }
        return value;
    }
}
