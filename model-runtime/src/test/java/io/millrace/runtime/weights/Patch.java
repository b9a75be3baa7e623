package io.millrace.runtime.weights;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** The bytes of a GGUF file, to be damaged at exact places. */
final class Patch {
    private byte[] bytes;

    Patch(byte[] bytes) {
        this.bytes = bytes.clone();
    }

    byte[] bytes() {
        return bytes;
    }

    int size() {
        return bytes.length;
    }

    Patch int32(int at, int value) {
        buffer().putInt(at, value);
        return this;
    }

    Patch int64(int at, long value) {
        buffer().putLong(at, value);
        return this;
    }

    Patch truncate(int size) {
        bytes = Arrays.copyOf(bytes, size);
        return this;
    }

    /** Overwrites the text of a key, a tensor's name or a string with another of the same length. */
    Patch rename(String from, String to) {
        if (from.length() != to.length()) {
            throw new IllegalArgumentException(from + " is not as long as " + to);
        }
        byte[] text = to.getBytes(StandardCharsets.UTF_8);
        System.arraycopy(text, 0, bytes, after(from) - text.length, text.length);
        return this;
    }

    /** Sets the number of a metadata key whose type has 32 bits. */
    Patch value(String key, int value) {
        return int32(after(key) + 4, value);
    }

    Patch value(String key, float value) {
        return value(key, Float.floatToRawIntBits(value));
    }

    /** Sets the metadata type of a key. */
    Patch type(String key, int type) {
        return int32(after(key), type);
    }

    Patch tensorDimension(String tensor, int index, long size) {
        return int64(after(tensor) + 4 + 8 * index, size);
    }

    Patch tensorType(String tensor, int type) {
        return int32(after(tensor) + 4 + 8 * dimensions(tensor), type);
    }

    Patch tensorOffset(String tensor, long offset) {
        return int64(after(tensor) + 4 + 8 * dimensions(tensor) + 4, offset);
    }

    long tensorOffset(String tensor) {
        return buffer().getLong(after(tensor) + 4 + 8 * dimensions(tensor) + 4);
    }

    private int dimensions(String tensor) {
        return buffer().getInt(after(tensor));
    }

    /** Where the bytes after a length-prefixed text begin. */
    int after(String text) {
        byte[] content = text.getBytes(StandardCharsets.UTF_8);
        byte[] wanted = ByteBuffer.allocate(8 + content.length).order(ByteOrder.LITTLE_ENDIAN).putLong(content.length)
                .put(content).array();
        for (int i = 0; i + wanted.length <= bytes.length; i++) {
            if (Arrays.equals(bytes, i, i + wanted.length, wanted, 0, wanted.length)) {
                return i + wanted.length;
            }
        }
        throw new IllegalArgumentException(text + " is not in the file");
    }

    void write(Path file) {
        try {
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private ByteBuffer buffer() {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
