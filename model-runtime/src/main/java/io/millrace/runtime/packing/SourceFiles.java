package io.millrace.runtime.packing;

import io.millrace.runtime.weights.LlamaWeights;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** The state of a model's files, to know whether they are still those that were packed or checked. */
final class SourceFiles {
    private static final int NAME_LENGTH = 40;

    private SourceFiles() {}

    /**
     * The {@linkplain #stamp(Path) stamps} of all files. The model's fingerprint covers only the ends of large tensors; this
     * also changes when a file is written to in the middle of one.
     */
    static String stamp(LlamaWeights weights) throws IOException {
        StringBuilder stamp = new StringBuilder();
        for (Path file : weights.files()) {
            stamp.append(stamp(file));
        }
        return stamp.toString();
    }

    /** A line of name, size and time of the last change. */
    static String stamp(Path file) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        return file.toRealPath().getFileName() + " " + attributes.size() + " "
                + attributes.lastModifiedTime().toInstant() + "\n";
    }

    /** What names of cache entries about a file begin with: its name, for people, and a digest of its path. */
    static String entryName(Path file) throws IOException {
        Path real = file.toRealPath();
        String name = String.valueOf(real.getFileName()).replaceAll("[^A-Za-z0-9._-]", "_");
        return name.substring(0, Math.min(NAME_LENGTH, name.length())) + "-"
                + HexFormat.of().formatHex(sha256().digest(real.toString().getBytes(StandardCharsets.UTF_8)), 0, 6);
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
