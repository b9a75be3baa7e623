package io.millrace.runtime.weights;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A position in a little-endian file that cannot leave it: every read is checked against the bytes that remain, and every
 * length or count against what those bytes could hold, before anything is allocated.
 */
final class FileCursor {
    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int MAX_TEXT_BYTES = 1 << 20;

    private final Path file;
    private final MemorySegment data;
    private long position;

    FileCursor(Path file, MemorySegment data) {
        this.file = file;
        this.data = data;
    }

    /** Maps a part of a file read-only, see {@link FileMapping#map}. */
    static MemorySegment map(Path file, long offset, long bytes, Arena arena) {
        if (!Files.isRegularFile(file)) {
            throw new ModelFormatException(file, "file", Files.exists(file) ? "is not a file" : "does not exist");
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long length = bytes == FileMapping.TO_END ? channel.size() - offset : bytes;
            return channel.map(FileChannel.MapMode.READ_ONLY, offset, length, arena);
        } catch (IOException e) {
            throw new ModelFormatException(file, "file", "cannot be read: " + e, e);
        }
    }

    /** A cursor at the same place that moves on its own. */
    FileCursor copy() {
        FileCursor copy = new FileCursor(file, data);
        copy.position = position;
        return copy;
    }

    long position() {
        return position;
    }

    long remaining() {
        return data.byteSize() - position;
    }

    int uint32(String field) {
        return take(4, field).get(INT, 0);
    }

    long uint64(String field) {
        return take(8, field).get(LONG, 0);
    }

    /** A count of things that take at least {@code minBytes} bytes each. */
    long count(String field, long minBytes) {
        long count = uint64(field);
        if (count < 0 || count > remaining() / minBytes) {
            throw error(field, "count " + Long.toUnsignedString(count) + " is more than the " + remaining()
                    + " bytes that remain can hold; the file is truncated or damaged");
        }
        return count;
    }

    /** The bytes of a length-prefixed string, not copied. */
    MemorySegment string(String field) {
        return take(uint64(field), field);
    }

    /** A length-prefixed name of at most {@code maxBytes} bytes. */
    String name(String field, int maxBytes) {
        long length = uint64(field);
        if (length <= 0 || length > maxBytes) {
            throw error(field, "a name of " + Long.toUnsignedString(length) + " bytes, expected 1 to " + maxBytes);
        }
        return text(file, field, take(length, field));
    }

    /** The next {@code bytes} bytes, not copied. */
    MemorySegment take(long bytes, String field) {
        if (bytes < 0 || bytes > remaining()) {
            throw error(field,
                    Long.toUnsignedString(bytes) + " bytes at byte " + position + " reach past the end, byte "
                            + data.byteSize() + "; the file is truncated or damaged");
        }
        MemorySegment taken = data.asSlice(position, bytes);
        position += bytes;
        return taken;
    }

    ModelFormatException error(String field, String problem) {
        return new ModelFormatException(file, field, problem);
    }

    /** Decodes UTF-8 of at most 1 MiB; malformed bytes fail it. */
    static String text(Path file, String field, MemorySegment bytes) {
        if (bytes.byteSize() > MAX_TEXT_BYTES) {
            throw new ModelFormatException(file, field,
                    "a string of " + bytes.byteSize() + " bytes, expected at most " + MAX_TEXT_BYTES);
        }
        try {
            ByteBuffer buffer = bytes.asByteBuffer();
            return StandardCharsets.UTF_8.newDecoder().decode(buffer).toString();
        } catch (CharacterCodingException e) {
            throw new ModelFormatException(file, field, "is not valid UTF-8", e);
        }
    }
}
