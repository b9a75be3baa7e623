package io.millrace.job.format;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;
import org.jspecify.annotations.Nullable;

/** Builds a record from a JSON document by the record's schema. */
final class JsonToRecord {
    private final SpecificData model;
    private final Schema schema;

    JsonToRecord(Class<? extends SpecificRecord> type) {
        // The events' own class loader: in a Flink job Avro may be loaded by another one.
        this.model = new SpecificData(type.getClassLoader());
        this.schema = model.getSchema(type);
    }

    Object read(JsonNode document) throws EventFormatException {
        return readRecord(document, schema, null);
    }

    private SpecificRecord readRecord(JsonNode node, Schema schema, @Nullable JsonPath path)
            throws EventFormatException {
        if (!node.isObject()) {
            throw expected("an object", node, path);
        }
        SpecificRecord record = (SpecificRecord) model.newRecord(null, schema);
        for (Schema.Field field : schema.getFields()) {
            JsonPath at = JsonPath.field(path, field.name());
            JsonNode value = member(node, field);
            if (value != null && !value.isNull()) {
                record.put(field.pos(), readField(value, field, at));
            } else if (field.hasDefaultValue()) {
                record.put(field.pos(), model.deepCopy(field.schema(), model.getDefaultValue(field)));
            } else {
                throw new EventFormatException(at + ": required, but missing");
            }
        }
        return record;
    }

    private static @Nullable JsonNode member(JsonNode object, Schema.Field field) {
        JsonNode value = object.get(field.name());
        for (String alias : field.aliases()) {
            value = value == null ? object.get(alias) : value;
        }
        return value;
    }

    private Object readField(JsonNode node, Schema.Field field, JsonPath path) throws EventFormatException {
        Schema type = nonNull(field.schema());
        return switch (JsonForm.of(field)) {
            case PLAIN -> read(node, type, path);
            case VALUE -> text(node.toString(), path);
            case VALUE_OR_STRING, TEXT -> text(node.isTextual() ? node.textValue() : node.toString(), path);
            case TEXT_OR_PARTS -> node.isArray() ? joinedParts(node, path) : read(node, type, path);
            case ONE_OR_MANY -> node.isArray() ? read(node, type, path) : many(read(node, type.getElementType(), path));
            case SATURATE -> saturated(node, type, path);
        };
    }

    private static List<Object> many(Object only) {
        List<Object> list = new ArrayList<>(1);
        list.add(only);
        return list;
    }

    private Object read(JsonNode node, Schema schema, JsonPath path) throws EventFormatException {
        return switch (schema.getType()) {
            case UNION -> read(node, nonNull(schema), path);
            case RECORD -> readRecord(node, schema, path);
            case ARRAY -> readArray(node, schema, path);
            case MAP -> readMap(node, schema, path);
            case STRING -> {
                if (!node.isTextual()) {
                    throw expected("a string", node, path);
                }
                yield text(node.textValue(), path);
            }
            case BYTES -> readBytes(node, path);
            case INT -> (int) integer(node, Integer.MIN_VALUE, Integer.MAX_VALUE, path);
            case LONG -> integer(node, Long.MIN_VALUE, Long.MAX_VALUE, path);
            case DOUBLE -> {
                if (!node.isNumber()) {
                    throw expected("a number", node, path);
                }
                yield node.doubleValue();
            }
            case BOOLEAN -> {
                if (!node.isBoolean()) {
                    throw expected("true or false", node, path);
                }
                yield node.booleanValue();
            }
            case FLOAT, FIXED, ENUM, NULL ->
                throw new IllegalArgumentException(path + ": no JSON form for Avro type " + schema);
        };
    }

    private List<Object> readArray(JsonNode node, Schema schema, JsonPath path) throws EventFormatException {
        if (!node.isArray()) {
            throw expected("an array", node, path);
        }
        List<Object> list = new ArrayList<>(node.size());
        for (int i = 0; i < node.size(); i++) {
            list.add(read(node.get(i), schema.getElementType(), JsonPath.element(path, i)));
        }
        return list;
    }

    private Map<String, Object> readMap(JsonNode node, Schema schema, JsonPath path) throws EventFormatException {
        if (!node.isObject()) {
            throw expected("an object", node, path);
        }
        Map<String, Object> map = new HashMap<>();
        for (Map.Entry<String, JsonNode> member : node.properties()) {
            JsonPath at = JsonPath.field(path, member.getKey());
            map.put(text(member.getKey(), at), read(member.getValue(), schema.getValueType(), at));
        }
        return map;
    }

    private static ByteBuffer readBytes(JsonNode node, JsonPath path) throws EventFormatException {
        if (!node.isTextual()) {
            throw expected("base64 text", node, path);
        }
        try {
            return ByteBuffer.wrap(Base64.getDecoder().decode(node.textValue()));
        } catch (IllegalArgumentException e) {
            throw EventFormatException.of(path + ": expected base64 text", e.getMessage());
        }
    }

    private static String joinedParts(JsonNode parts, JsonPath path) throws EventFormatException {
        StringBuilder joined = new StringBuilder();
        for (int i = 0; i < parts.size(); i++) {
            JsonNode part = parts.get(i);
            JsonPath at = JsonPath.element(path, i);
            JsonNode text = part.get("text");
            if (!part.path("type").asText().equals("text") || text == null || !text.isTextual()) {
                throw expected("a part {\"type\":\"text\",\"text\":\"...\"}", part, at);
            }
            joined.append(text(text.textValue(), at));
        }
        return joined.toString();
    }

    /** A whole number; 5.0 is one, as in JSON schema. */
    private static long integer(JsonNode node, long min, long max, JsonPath path) throws EventFormatException {
        boolean whole = node.canConvertToExactIntegral() && node.canConvertToLong();
        if (!node.isNumber() || !whole || node.longValue() < min || node.longValue() > max) {
            throw expected("an integer between " + min + " and " + max, node, path);
        }
        return node.longValue();
    }

    private static Object saturated(JsonNode node, Schema schema, JsonPath path) throws EventFormatException {
        boolean isInt = schema.getType() == Schema.Type.INT;
        long min = isInt ? Integer.MIN_VALUE : Long.MIN_VALUE;
        long max = isInt ? Integer.MAX_VALUE : Long.MAX_VALUE;
        double approximate = node.doubleValue();
        boolean beyond = node.isNumber() && (approximate >= max || approximate <= min);
        long value = beyond ? (approximate > 0 ? max : min) : integer(node, min, max, path);
        return isInt ? (Object) (int) value : (Object) value;
    }

    /** Text that every encoding can carry. */
    private static String text(String text, JsonPath path) throws EventFormatException {
        int unpaired = UnicodeText.unpairedSurrogate(text);
        if (unpaired >= 0) {
            throw new EventFormatException(path + ": unpaired UTF-16 surrogate at index " + unpaired);
        }
        return text;
    }

    private static Schema nonNull(Schema schema) {
        if (schema.getType() != Schema.Type.UNION) {
            return schema;
        }
        List<Schema> types = schema.getTypes().stream().filter(t -> t.getType() != Schema.Type.NULL).toList();
        if (types.size() != 1) {
            throw new IllegalArgumentException("a union is read only when it is of null and one type: " + schema);
        }
        return types.getFirst();
    }

    private static EventFormatException expected(String what, JsonNode found, @Nullable JsonPath path) {
        return new EventFormatException(JsonPath.text(path) + ": expected " + what + ", found " + describe(found));
    }

    /** Numbers by value; texts by length alone, since content does not belong in logs. */
    private static String describe(JsonNode node) {
        JsonNodeType type = node.getNodeType();
        return switch (type) {
            case NUMBER, BOOLEAN -> node.asText();
            case STRING -> "a string of " + node.textValue().length() + " characters";
            case ARRAY -> "an array of " + node.size();
            case OBJECT -> "an object";
            case NULL -> "null";
            case MISSING -> "nothing";
            case BINARY, POJO -> type.toString();
        };
    }
}
