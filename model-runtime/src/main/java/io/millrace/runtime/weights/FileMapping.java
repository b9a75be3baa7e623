package io.millrace.runtime.weights;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** Where the bytes of a model's files come from; {@link FileCursor#map} maps them. */
@FunctionalInterface
interface FileMapping {

    /**
     * The bytes of a whole file, which live as long as {@code arena}.
     *
     * @throws ModelFormatException when there is no such file
     */
    MemorySegment map(Path file, Arena arena);
}
