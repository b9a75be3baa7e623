package io.millrace.runtime.kv;

/** How keys and values are stored in the cache. */
public enum KvType {
    /** IEEE single precision. */
    F32(4),
    /** IEEE half precision; larger magnitudes than 65,504 become infinite. */
    F16(2),
    /** The upper half of single precision: its range, with 8 bits of precision. */
    BF16(2),
    /**
     * Signed bytes, -127 to 127, and an f32 scale per position and head, for its key and for its value: the largest magnitude
     * of the vector divided by 127. A position has its own scales, so a later one changes nothing of it.
     */
    Q8(1);

    private final int bytes;

    KvType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes per value, without scales. */
    public int bytes() {
        return bytes;
    }

    /** Whether every key and every value vector has a scale. */
    public boolean scaled() {
        return this == Q8;
    }
}
