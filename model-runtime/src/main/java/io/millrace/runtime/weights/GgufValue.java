package io.millrace.runtime.weights;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/**
 * A metadata value as it lies in the file; decoding it waits until somebody asks.
 *
 * @param type the type of the value, or of the elements of an array
 * @param array whether it is an array
 * @param count elements, 1 when it is no array
 * @param data the elements, one after the other: numbers, or strings with their lengths
 */
record GgufValue(GgufType type, boolean array, long count, MemorySegment data) {

    static GgufValue read(FileCursor in, String key) {
        GgufType type = GgufType.read(in, key);
        if (type != GgufType.ARRAY) {
            return elements(in, key, type, false, 1);
        }
        GgufType element = GgufType.read(in, key);
        if (element == GgufType.ARRAY) {
            throw in.error(key, "is an array of arrays, which no Llama file has");
        }
        return elements(in, key, element, true, in.count(key, element == GgufType.STRING ? 8 : element.bytes()));
    }

    private static GgufValue elements(FileCursor in, String key, GgufType type, boolean array, long count) {
        if (type != GgufType.STRING) {
            return new GgufValue(type, array, count, in.take(count * type.bytes(), key));
        }
        FileCursor measure = in.copy();
        for (long i = 0; i < count; i++) {
            measure.string(key);
        }
        return new GgufValue(type, array, count, in.take(measure.position() - in.position(), key));
    }

    /** The integer at {@code index}; an unsigned 64-bit number above the signed range comes out negative. */
    long integer(long index) {
        return switch (type) {
            case UINT8 -> Byte.toUnsignedLong(data.get(ValueLayout.JAVA_BYTE, index));
            case INT8 -> data.get(ValueLayout.JAVA_BYTE, index);
            case UINT16 -> Short.toUnsignedLong(data.get(FileCursor.SHORT, 2 * index));
            case INT16 -> data.get(FileCursor.SHORT, 2 * index);
            case UINT32 -> Integer.toUnsignedLong(data.get(FileCursor.INT, 4 * index));
            case INT32 -> data.get(FileCursor.INT, 4 * index);
            case UINT64, INT64 -> data.get(FileCursor.LONG, 8 * index);
            case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> throw new IllegalStateException(type + " is no integer");
        };
    }

    /** How a message names the type. */
    String describe() {
        String name = type.name().toLowerCase(Locale.ROOT);
        return array ? "an array of " + count + " " + name : "a " + name;
    }
}
