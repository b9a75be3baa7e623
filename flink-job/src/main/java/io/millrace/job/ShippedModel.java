package io.millrace.job;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * The model of a shop's support desk that comes with Millrace, a GGUF file inside its jar. Files can be mapped and parts of a jar
 * cannot, so it is copied to a directory once.
 */
public final class ShippedModel {
    private static final String RESOURCE = "support-desk.gguf";

    private ShippedModel() {}

    /**
     * The model as a file, copied when it is not there yet, or is damaged. Several processes may do this at once.
     *
     * @param cacheDirectory where it is kept, made when it is missing; empty takes the directory for temporary files
     * @return the file, which is not the caller's to change; empty when this build has no model
     * @throws IOException when it cannot be written
     */
    public static Optional<Path> extract(Optional<Path> cacheDirectory) throws IOException {
        try (InputStream in = ShippedModel.class.getResourceAsStream(RESOURCE)) {
            return in == null
                    ? Optional.empty()
                    : Optional.of(extract(in.readAllBytes(),
                            cacheDirectory.orElse(Path.of(System.getProperty("java.io.tmpdir")))));
        }
    }

    /** The name tells the content, so that the models of several versions do not fight for a file. */
    static Path extract(byte[] model, Path directory) throws IOException {
        byte[] digest = sha256().digest(model);
        Path file = directory.resolve("support-desk-" + HexFormat.of().formatHex(digest, 0, 8) + ".gguf");
        if (Files.isRegularFile(file) && Arrays.equals(digest, sha256().digest(Files.readAllBytes(file)))) {
            return file;
        }
        Files.createDirectories(directory);
        Path part = Files.createTempFile(directory, "support-desk-", ".part");
        try {
            Files.write(part, model);
            // A process that has mapped a damaged file keeps it.
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
        return file;
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
