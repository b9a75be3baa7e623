package io.millrace.runtime.weights;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** Where the bytes of a model's files come from; {@link FileCursor#map} maps them. */
@FunctionalInterface
interface FileMapping {
    /** As a number of bytes: all that follow. */
    long TO_END = -1;

    /**
     * Bytes of a file, which live as long as {@code arena}.
     *
     * @param bytes how many, or {@link #TO_END}
     * @throws ModelFormatException when there is no such file, or it is shorter
     */
    MemorySegment map(Path file, long offset, long bytes, Arena arena);
}
