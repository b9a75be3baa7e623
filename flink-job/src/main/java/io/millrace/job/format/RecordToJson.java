package io.millrace.job.format;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;
import org.jspecify.annotations.Nullable;

/**
 * Writes a record as JSON by its schema. Nulls, empty collections and numbers that JSON cannot hold are left out of objects.
 */
final class RecordToJson {
    private final JsonMapper mapper;
    private final Schema schema;

    RecordToJson(Class<? extends SpecificRecord> type, JsonMapper mapper) {
        this.mapper = mapper;
        this.schema = new SpecificData(type.getClassLoader()).getSchema(type);
    }

    void write(SpecificRecord record, JsonGenerator out) throws IOException {
        writeRecord(record, schema, out);
    }

    private void writeRecord(IndexedRecord record, Schema schema, JsonGenerator out) throws IOException {
        out.writeStartObject();
        for (Schema.Field field : schema.getFields()) {
            Object value = record.get(field.pos());
            if (isPresent(value)) {
                out.writeFieldName(field.name());
                writeField(value, field, out);
            }
        }
        out.writeEndObject();
    }

    private static boolean isPresent(@Nullable Object value) {
        return switch (value) {
            case null -> false;
            case Collection<?> list -> !list.isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            case Double number -> Double.isFinite(number);
            default -> true;
        };
    }

    private void writeField(Object value, Schema.Field field, JsonGenerator out) throws IOException {
        switch (JsonForm.of(field)) {
            case PLAIN, TEXT, TEXT_OR_PARTS, ONE_OR_MANY, SATURATE -> write(value, field.schema(), out);
            case VALUE -> writeValue(value.toString(), out);
            case VALUE_OR_STRING -> {
                if (value.toString().startsWith("{")) {
                    writeValue(value.toString(), out);
                } else {
                    write(value, field.schema(), out);
                }
            }
        }
    }

    /** JSON text as the value it is; text that is no JSON, which another writer may have put there, as a string. */
    private void writeValue(String text, JsonGenerator out) throws IOException {
        JsonNode value;
        try {
            value = mapper.readTree(text);
        } catch (JsonProcessingException e) {
            out.writeString(UnicodeText.wellFormed(text));
            return;
        }
        if (value.isMissingNode()) {
            out.writeString(text); // blank
        } else {
            mapper.writeTree(out, value);
        }
    }

    private void write(Object value, Schema schema, JsonGenerator out) throws IOException {
        switch (value) {
            case IndexedRecord record -> writeRecord(record, record.getSchema(), out);
            case Collection<?> list -> {
                out.writeStartArray();
                for (Object element : list) {
                    write(element, schema, out);
                }
                out.writeEndArray();
            }
            case Map<?, ?> map -> {
                out.writeStartObject();
                for (Map.Entry<?, ?> member : map.entrySet()) {
                    if (isPresent(member.getValue())) {
                        out.writeFieldName(UnicodeText.wellFormed(member.getKey().toString()));
                        write(member.getValue(), schema, out);
                    }
                }
                out.writeEndObject();
            }
            case CharSequence text -> out.writeString(UnicodeText.wellFormed(text.toString()));
            case ByteBuffer bytes -> {
                byte[] copy = new byte[bytes.remaining()];
                bytes.duplicate().get(copy);
                out.writeBinary(copy);
            }
            case Integer number -> out.writeNumber(number);
            case Long number -> out.writeNumber(number);
            case Double number -> out.writeNumber(number);
            case Boolean bool -> out.writeBoolean(bool);
            default -> throw new IllegalArgumentException("no JSON form for " + schema);
        }
    }
}
