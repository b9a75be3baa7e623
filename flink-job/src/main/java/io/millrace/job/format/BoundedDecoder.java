package io.millrace.job.format;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.Decoder;
import org.apache.avro.util.Utf8;

/**
 * Reads Avro binary and believes no length that the rest of the input cannot hold. Avro's own decoder allocates what a
 * length promises before it looks for the bytes. Every element of an array or map of our schemas takes at least one byte.
 */
final class BoundedDecoder extends Decoder {
    private final BinaryDecoder in;
    private final InputStream rest;

    BoundedDecoder(BinaryDecoder in) {
        this.in = in;
        this.rest = in.inputStream();
    }

    private long bounded(long length) throws IOException {
        if (length < 0) {
            throw new IOException("a length is negative");
        }
        if (length > rest.available()) {
            throw new EOFException();
        }
        return length;
    }

    /** A block's item count; a negative one is followed by the block's size in bytes, which is not needed. */
    private long itemCount() throws IOException {
        long count = in.readLong();
        if (count < 0) {
            bounded(in.readLong());
            count = -count;
        }
        return bounded(count);
    }

    private byte[] bytes() throws IOException {
        byte[] bytes = new byte[(int) bounded(in.readLong())];
        in.readFixed(bytes);
        return bytes;
    }

    @Override
    public void readNull() throws IOException {
        in.readNull();
    }

    @Override
    public boolean readBoolean() throws IOException {
        return in.readBoolean();
    }

    @Override
    public int readInt() throws IOException {
        return in.readInt();
    }

    @Override
    public long readLong() throws IOException {
        return in.readLong();
    }

    @Override
    public float readFloat() throws IOException {
        return in.readFloat();
    }

    @Override
    public double readDouble() throws IOException {
        return in.readDouble();
    }

    @Override
    public Utf8 readString(Utf8 old) throws IOException {
        return new Utf8(bytes());
    }

    @Override
    public String readString() throws IOException {
        return new String(bytes(), StandardCharsets.UTF_8);
    }

    @Override
    public void skipString() throws IOException {
        skipBytes();
    }

    @Override
    public ByteBuffer readBytes(ByteBuffer old) throws IOException {
        return ByteBuffer.wrap(bytes());
    }

    @Override
    public void skipBytes() throws IOException {
        in.skipFixed((int) bounded(in.readLong()));
    }

    @Override
    public void readFixed(byte[] bytes, int start, int length) throws IOException {
        in.readFixed(bytes, start, length);
    }

    @Override
    public void skipFixed(int length) throws IOException {
        in.skipFixed((int) bounded(length));
    }

    @Override
    public int readEnum() throws IOException {
        return in.readEnum();
    }

    @Override
    public long readArrayStart() throws IOException {
        return itemCount();
    }

    @Override
    public long arrayNext() throws IOException {
        return itemCount();
    }

    /** Nothing is skipped unread: the caller skips item by item. */
    @Override
    public long skipArray() throws IOException {
        return itemCount();
    }

    @Override
    public long readMapStart() throws IOException {
        return itemCount();
    }

    @Override
    public long mapNext() throws IOException {
        return itemCount();
    }

    @Override
    public long skipMap() throws IOException {
        return itemCount();
    }

    @Override
    public int readIndex() throws IOException {
        return in.readIndex();
    }
}
