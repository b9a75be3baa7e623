package io.millrace.runtime.weights;

/** The types of GGUF metadata values; a constant's ordinal is its number in the file. */
enum GgufType {
    UINT8(1),
    INT8(1),
    UINT16(2),
    INT16(2),
    UINT32(4),
    INT32(4),
    FLOAT32(4),
    BOOL(1),
    STRING(0),
    ARRAY(0),
    UINT64(8),
    INT64(8),
    FLOAT64(8);

    private static final GgufType[] BY_NUMBER = values();

    private final int bytes;

    GgufType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of a value, 0 when that is written in the file. */
    int bytes() {
        return bytes;
    }

    boolean isInteger() {
        return switch (this) {
            case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64 -> true;
            case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> false;
        };
    }

    static GgufType read(FileCursor in, String field) {
        int number = in.uint32(field);
        if (number < 0 || number >= BY_NUMBER.length) {
            throw in.error(field, "unknown metadata type " + Integer.toUnsignedString(number));
        }
        return BY_NUMBER[number];
    }
}
