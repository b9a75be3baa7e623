package io.millrace.runtime.weights;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A JSON object of a file, read field by field. Limits on size and nesting and the refusal of duplicate fields hold for the
 * whole text; a field that is {@code null} counts as absent.
 */
final class JsonFields implements ConfigFields {
    /** Far more than the configuration, index or tensor table of any Llama. */
    static final int MAX_BYTES = 16 << 20;

    private static final JsonMapper MAPPER = JsonMapper
            .builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(16).build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private final Path file;
    private final String prefix;
    private final JsonNode object;

    private JsonFields(Path file, String prefix, JsonNode object) {
        this.file = file;
        this.prefix = prefix;
        this.object = object;
    }

    /** Reads a file that holds one object. */
    static JsonFields read(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new ModelFormatException(file, "file", "is larger than " + MAX_BYTES + " bytes");
            }
            return parse(file, "file", Files.readAllBytes(file));
        } catch (IOException e) {
            throw new ModelFormatException(file, "file", "cannot be read: " + e, e);
        }
    }

    /**
     * Parses a text that holds one object.
     *
     * @param what names the text in messages
     */
    static JsonFields parse(Path file, String what, byte[] json) {
        try {
            JsonNode object = MAPPER.readTree(json);
            if (!object.isObject()) {
                throw new ModelFormatException(file, what, "is no JSON object");
            }
            return new JsonFields(file, "", object);
        } catch (JsonProcessingException e) {
            String problem = e.getOriginalMessage().lines().findFirst().orElse("");
            throw new ModelFormatException(file, what, "is not valid JSON: " + problem, e);
        } catch (IOException e) {
            throw new ModelFormatException(file, what, "is not valid JSON: " + e, e);
        }
    }

    /** The names of the fields, in file order. */
    List<String> names() {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Override
    public boolean has(String key) {
        return object.hasNonNull(key);
    }

    @Override
    public int integer(String key) {
        return toInt(key, value(key));
    }

    @Override
    public float number(String key) {
        JsonNode value = value(key);
        if (!value.isNumber()) {
            throw error(key, "is " + value.getNodeType() + ", expected a number");
        }
        return value.floatValue();
    }

    String string(String key) {
        JsonNode value = value(key);
        if (!value.isTextual()) {
            throw error(key, "is " + value.getNodeType() + ", expected a string");
        }
        return value.textValue();
    }

    /** Whether a field is there and true. */
    boolean isTrue(String key) {
        if (!has(key)) {
            return false;
        }
        JsonNode value = value(key);
        if (!value.isBoolean()) {
            throw error(key, "is " + value.getNodeType() + ", expected true or false");
        }
        return value.booleanValue();
    }

    JsonFields object(String key) {
        JsonNode value = value(key);
        if (!value.isObject()) {
            throw error(key, "is " + value.getNodeType() + ", expected an object");
        }
        return new JsonFields(file, prefix + key + ".", value);
    }

    /** One integer, or an array of them. */
    int[] integers(String key) {
        JsonNode value = value(key);
        if (!value.isArray()) {
            return new int[]{toInt(key, value)};
        }
        return value.valueStream().mapToInt(element -> toInt(key, element)).toArray();
    }

    /** An array of integers. */
    long[] longs(String key) {
        JsonNode value = value(key);
        if (!value.isArray()) {
            throw error(key, "is " + value.getNodeType() + ", expected an array");
        }
        return value.valueStream().mapToLong(element -> {
            if (!element.isIntegralNumber() || !element.canConvertToLong()) {
                throw error(key, "has an element that is no 64-bit integer");
            }
            return element.longValue();
        }).toArray();
    }

    @Override
    public ModelFormatException error(String key, String problem) {
        return new ModelFormatException(file, prefix + key, problem);
    }

    private JsonNode value(String key) {
        JsonNode value = object.get(key);
        if (value == null || value.isNull()) {
            throw error(key, "is missing");
        }
        return value;
    }

    private int toInt(String key, JsonNode value) {
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw error(key, "is no 32-bit integer");
        }
        return value.intValue();
    }
}
