package io.millrace.job.format;

import java.util.Locale;
import org.apache.avro.Schema;

/** How a field looks in JSON where that differs from its Avro type: its schema property {@code json}. */
enum JsonForm {
    /** As its Avro type. */
    PLAIN,
    /** Any JSON value, held as its JSON text. */
    VALUE,
    /** A JSON string is held as it is, any other value as its JSON text. */
    VALUE_OR_STRING,
    /** A string; any other value is accepted and held as its JSON text. */
    TEXT,
    /** A string, or an array of {@code {"type":"text","text":...}} that are joined. */
    TEXT_OR_PARTS,
    /** An array, or its only element. */
    ONE_OR_MANY,
    /** An integer beyond the type's range becomes the nearest value of the range. */
    SATURATE;

    static JsonForm of(Schema.Field field) {
        String name = field.getProp("json");
        return name == null ? PLAIN : valueOf(name.toUpperCase(Locale.ROOT).replace('-', '_'));
    }
}
