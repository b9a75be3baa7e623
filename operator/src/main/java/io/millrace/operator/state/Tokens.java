package io.millrace.operator.state;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** The token ids of a conversation: a list of ints that grows at the end and is packed to bytes for state. */
public final class Tokens {
    private int[] ids;
    private int size;

    public Tokens() {
        this.ids = new int[64];
    }

    private Tokens(int[] ids) {
        this.ids = ids;
        this.size = ids.length;
    }

    /** Reads what {@link #pack} wrote; the buffer's position does not move. */
    public static Tokens unpack(ByteBuffer packed) {
        int[] ids = new int[packed.remaining() / Integer.BYTES];
        packed.duplicate().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(ids);
        return new Tokens(ids);
    }

    /** Four bytes per id, little endian. */
    public ByteBuffer pack() {
        ByteBuffer packed = ByteBuffer.allocate(size * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        packed.asIntBuffer().put(ids, 0, size);
        return packed;
    }

    public int size() {
        return size;
    }

    public int last() {
        return ids[size - 1];
    }

    public void add(int id) {
        if (size == ids.length) {
            ids = Arrays.copyOf(ids, Math.max(64, size + (size >> 1)));
        }
        ids[size++] = id;
    }

    public void addAll(int[] more) {
        for (int id : more) {
            add(id);
        }
    }

    /** Forgets the ids from {@code newSize} on. */
    public void truncate(int newSize) {
        size = Math.min(size, newSize);
    }

    /** The ids from {@code from} on, as a new array. */
    public int[] toArray(int from) {
        return Arrays.copyOfRange(ids, from, size);
    }
}
