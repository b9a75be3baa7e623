package io.millrace.runtime.packing;

import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.ModelFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares the files that weights are mapped from with the {@linkplain SourceChecksums checksums} beside them, if there are
 * any. That a large file is intact is noted in the cache directory, with its checksum, size and time, so that it is read for
 * this once:
 *
 * <pre>
 * NAME-PATH.sha256             checksum, and {@link SourceFiles#stamp(Path)} of the file when it was read
 * </pre>
 */
final class SourceCheck {
    private static final Logger LOG = LoggerFactory.getLogger(SourceCheck.class);

    private static final String NOTE = ".sha256";
    private static final int BUFFER_BYTES = 1 << 20;

    private final PackingOptions options;
    private final List<Source> sources = new ArrayList<>();
    private final Thread caller = Thread.currentThread();
    private final AtomicBoolean failed = new AtomicBoolean();
    private long done;
    private long total;

    /**
     * A file to read.
     *
     * @param note what will be noted of it; empty when it is not worth one or there is no cache
     */
    private record Source(Path file, long bytes, String expected, Optional<Note> note) {}

    private record Note(Path path, String text) {
        boolean isThere() throws IOException {
            try {
                return Files.readString(path).equals(text);
            } catch (NoSuchFileException _) {
                return false;
            }
        }

        void write() {
            try {
                Files.createDirectories(path.getParent());
                Files.writeString(path, text);
            } catch (IOException e) {
                LOG.warn("That a file is intact cannot be noted in {}: {}; it is read at every start", path,
                        e.toString());
            }
        }
    }

    private SourceCheck(PackingOptions options) {
        this.options = options;
    }

    /**
     * Checks what is not noted as intact.
     *
     * @param leastNotedBytes size of the smallest file that is worth a note
     * @throws ModelFormatException when a file has another checksum, or the checksums cannot be read
     * @throws IllegalStateException caused by an InterruptedException, when this thread is interrupted
     */
    static void run(LlamaWeights weights, PackingOptions options, long leastNotedBytes) {
        // They are all in one directory.
        Optional<SourceChecksums> checksums = SourceChecksums.beside(weights.files().getFirst());
        if (checksums.isEmpty()) {
            return;
        }
        SourceCheck check = new SourceCheck(options);
        for (Path file : weights.files()) {
            try {
                check.add(file, checksums.get().of(file), leastNotedBytes);
            } catch (IOException e) {
                throw unreadable(file, e);
            }
        }
        if (!check.sources.isEmpty()) {
            check.run();
        }
    }

    private void add(Path file, Optional<String> expected, long leastNotedBytes) throws IOException {
        if (expected.isEmpty()) {
            LOG.warn("{} is not in the {} beside it, so it is not checked", file, SourceChecksums.FILE_NAME);
            return;
        }
        long bytes = Files.size(file);
        Optional<Note> note = Optional.empty();
        if (options.cacheDirectory().isPresent() && bytes >= leastNotedBytes) {
            Path path = options.cacheDirectory().get().resolve(SourceFiles.entryName(file) + NOTE);
            note = Optional.of(new Note(path, expected.get() + " " + SourceFiles.stamp(file)));
        }
        if (note.isEmpty() || !note.get().isThere()) {
            sources.add(new Source(file, bytes, expected.get(), note));
            total += bytes;
        }
    }

    private void run() {
        // The largest first, so that no thread is left alone with it at the end.
        sources.sort(Comparator.comparingLong(Source::bytes).reversed());
        advance(0);
        try (WorkerPool workers = new WorkerPool(Math.min(options.threads(), sources.size()))) {
            workers.run(sources.size(), (index, _) -> check(sources.get(index)));
        }
    }

    private void check(Source source) {
        if (failed.get()) {
            return; // The pool runs all tasks; the first failure is the one that counts.
        }
        try {
            String actual = sum(source.file());
            if (!actual.equals(source.expected())) {
                throw new ModelFormatException(source.file(), "SHA-256", "is " + actual + ", but "
                        + SourceChecksums.FILE_NAME + " beside it says " + source.expected()
                        + "; the file is damaged or another one, fetch it again or correct "
                        + SourceChecksums.FILE_NAME);
            }
            source.note().ifPresent(Note::write);
        } catch (IOException e) {
            failed.set(true);
            Packer.checkInterrupt(caller);
            throw unreadable(source.file(), e);
        } catch (RuntimeException | Error e) {
            failed.set(true);
            throw e;
        }
    }

    private String sum(Path file) throws IOException {
        MessageDigest digest = SourceFiles.sha256();
        byte[] buffer = new byte[BUFFER_BYTES];
        try (InputStream in = Files.newInputStream(file)) {
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                Packer.checkInterrupt(caller);
                digest.update(buffer, 0, read);
                advance(read);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private synchronized void advance(long bytes) {
        done += bytes;
        options.listener().advanced(LoadingListener.Step.CHECKING, done, total);
    }

    private static ModelFormatException unreadable(Path file, IOException e) {
        return new ModelFormatException(file, "file", "cannot be read: " + e, e);
    }
}
