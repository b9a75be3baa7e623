package io.millrace.operator;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;
import org.jspecify.annotations.Nullable;

/**
 * Makes an Avro record of any bytes: every field takes its value from the bytes that are next, and zeros when they are used
 * up. So a change of the bytes is a change of the record, and every record of up to seven elements per list can come.
 */
public final class RecordBytes {
    private static final int MOST_ELEMENTS = 7;

    private final ByteBuffer in;

    private RecordBytes(byte[] bytes) {
        this.in = ByteBuffer.wrap(bytes);
    }

    public static <T extends SpecificRecord> T record(Class<T> type, byte[] bytes) {
        SpecificData model = new SpecificData(type.getClassLoader());
        return type.cast(Objects.requireNonNull(new RecordBytes(bytes).read(model.getSchema(type), model)));
    }

    private @Nullable Object read(Schema schema, SpecificData model) {
        return switch (schema.getType()) {
            case RECORD -> {
                SpecificRecord record = (SpecificRecord) model.newRecord(null, schema);
                for (Schema.Field field : schema.getFields()) {
                    record.put(field.pos(), read(field.schema(), model));
                }
                yield record;
            }
            case UNION -> read(schema.getTypes().get(unsignedByte() % schema.getTypes().size()), model);
            case ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>();
                for (int count = unsignedByte() & MOST_ELEMENTS; count > 0; count--) {
                    list.add(read(schema.getElementType(), model));
                }
                yield list;
            }
            case MAP -> {
                Map<String, @Nullable Object> map = new HashMap<>();
                for (int count = unsignedByte() & MOST_ELEMENTS; count > 0; count--) {
                    map.put(text(), read(schema.getValueType(), model));
                }
                yield map;
            }
            case STRING -> text();
            case BYTES -> ByteBuffer.wrap(bytes(unsignedByte()));
            case INT -> number(4).getInt();
            case LONG -> number(8).getLong();
            case FLOAT -> number(4).getFloat();
            case DOUBLE -> number(8).getDouble();
            case BOOLEAN -> (unsignedByte() & 1) != 0;
            case NULL -> null;
            case FIXED, ENUM -> throw new IllegalArgumentException("no record of Millrace has " + schema);
        };
    }

    private int unsignedByte() {
        return in.hasRemaining() ? in.get() & 0xFF : 0;
    }

    private String text() {
        return new String(bytes(unsignedByte()), StandardCharsets.UTF_8);
    }

    private byte[] bytes(int length) {
        byte[] bytes = new byte[Math.min(length, in.remaining())];
        in.get(bytes);
        return bytes;
    }

    private ByteBuffer number(int size) {
        ByteBuffer number = ByteBuffer.allocate(size);
        number.put(bytes(size));
        return number.rewind();
    }
}
