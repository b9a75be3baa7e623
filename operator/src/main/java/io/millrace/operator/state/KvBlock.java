package io.millrace.operator.state;

import java.lang.foreign.MemorySegment;

/**
 * A part of a KV block as keyed state holds it: some layers of 16 positions. Immutable, which is why the serializer may
 * hand out the same instance as a copy.
 */
public final class KvBlock {
    private final String tag;
    private final int positions;
    private final byte[] bytes;

    /**
     * @param tag says which model computed it and how it is laid out; see {@link KvPartition#tag()}
     * @param positions of the block that are computed, from the first one
     * @param bytes owned by the block from now on
     */
    KvBlock(String tag, int positions, byte[] bytes) {
        this.tag = tag;
        this.positions = positions;
        this.bytes = bytes;
    }

    String tag() {
        return tag;
    }

    int positions() {
        return positions;
    }

    int length() {
        return bytes.length;
    }

    /** For the serializer and for tests; must not be written to. */
    byte[] bytes() {
        return bytes;
    }

    void copyTo(MemorySegment target, long offset) {
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, target, offset, bytes.length);
    }
}
