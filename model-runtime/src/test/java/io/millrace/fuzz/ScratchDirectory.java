package io.millrace.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * A directory for files that live for one input, on a file system in memory where there is one: a disk would set the pace.
 * It is gone when the process ends. A guided run's process ends without notice, so its parent makes the directory.
 */
final class ScratchDirectory {
    static final String PROPERTY = "fuzz.directory";

    private static final Path ROOT = root();

    private ScratchDirectory() {}

    /** This process's directory; the same one at every call. */
    static Path get() {
        return ROOT;
    }

    private static Path root() {
        String given = System.getProperty(PROPERTY);
        if (given != null) {
            return Path.of(given);
        }
        Path memory = Path.of("/dev/shm");
        try {
            Path created = Files.isWritable(memory)
                    ? Files.createTempDirectory(memory, "fuzz")
                    : Files.createTempDirectory("fuzz");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(created)));
            return created;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path directory) {
        try (Stream<Path> found = Files.walk(directory)) {
            List<Path> deepestFirst = found.sorted(Comparator.reverseOrder()).toList();
            for (Path file : deepestFirst) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
