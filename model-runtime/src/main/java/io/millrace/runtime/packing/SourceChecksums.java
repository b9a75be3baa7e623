package io.millrace.runtime.packing;

import io.millrace.runtime.weights.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** SHA-256 checksums of files in a directory, as {@code sha256sum} writes them to a file {@value #FILE_NAME} there. */
final class SourceChecksums {
    static final String FILE_NAME = "SHA256SUMS";

    private static final long MAX_BYTES = 1 << 20;
    /** A backslash marks names with line breaks in them; the character before a name tells how the file was read. */
    private static final Pattern LINE = Pattern.compile("\\\\?([0-9a-fA-F]{64}) [ *](?:\\./)?(.+)");

    private final Map<String, String> sums = new HashMap<>();

    /**
     * Reads the checksums of the directory of a file.
     *
     * @return empty when there are none
     * @throws ModelFormatException when they are not as {@code sha256sum} writes them
     */
    static Optional<SourceChecksums> beside(Path file) {
        Path path = file.resolveSibling(FILE_NAME);
        if (!Files.exists(path)) {
            return Optional.empty();
        }
        SourceChecksums checksums = new SourceChecksums();
        try {
            if (Files.size(path) > MAX_BYTES) {
                throw new ModelFormatException(path, "file", "is larger than " + MAX_BYTES + " bytes");
            }
            int number = 0;
            for (String line : Files.readAllLines(path)) {
                number++;
                if (!line.isBlank()) {
                    checksums.add(path, number, line);
                }
            }
        } catch (IOException e) {
            throw new ModelFormatException(path, "file", "cannot be read: " + e, e);
        }
        return Optional.of(checksums);
    }

    private void add(Path path, int number, String line) {
        Matcher matcher = LINE.matcher(line);
        if (!matcher.matches()) {
            throw new ModelFormatException(path, "line " + number,
                    "is not a SHA-256 and the name of a file, as sha256sum writes them");
        }
        String sum = matcher.group(1).toLowerCase(Locale.ROOT);
        String before = sums.put(matcher.group(2), sum);
        if (before != null && !before.equals(sum)) {
            throw new ModelFormatException(path, "line " + number,
                    "another line has another checksum of " + matcher.group(2) + "; remove the outdated one");
        }
    }

    /** The checksum of a file of the directory, in lower-case hex; empty when none is given. */
    Optional<String> of(Path file) {
        return Optional.ofNullable(sums.get(String.valueOf(file.getFileName())));
    }
}
