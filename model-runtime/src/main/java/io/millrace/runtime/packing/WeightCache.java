package io.millrace.runtime.packing;

import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LlamaWeights;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The packed weights of one model in a directory that processes share:
 *
 * <pre>
 * NAME-PATH-KEY.packed         a {@link PackedFile}, complete from the moment it has this name
 * NAME-PATH-KEY.packed.ID.tmp    one that is being written; left behind by a process that died
 * NAME-PATH.lock               empty; whoever packs this model holds a lock on it, which ends with the process
 * </pre>
 *
 * PATH stands for the model's path and KEY for its content, its files' sizes and times, and the packed layout. The shard that
 * computes a range of the layers has entries of its own, NAME-PATH.layers-FIRST-LAST-KEY.packed and so on. The lock only
 * spares work: files are renamed into place and checked when they are opened, so where locks do not work, several processes
 * pack and any of their files will do.
 */
final class WeightCache {
    private static final Logger LOG = LoggerFactory.getLogger(WeightCache.class);

    private static final String PACKED = ".packed";
    private static final String TEMPORARY = ".tmp";
    /** A packer that lives writes several times a second. */
    private static final Duration ABANDONED = Duration.ofHours(1);
    private static final Duration POLL = Duration.ofMillis(50);
    private static final int ATTEMPTS = 3;

    private final Path directory;
    private final LlamaWeights weights;
    private final PackingPlan plan;
    private final PackingOptions options;
    private final PackedFile format;
    /** What the names of all entries of this model's path and range begin with, then comes a hyphen. */
    private final String prefix;
    private final Path file;

    /** What a path led to at some time; another file has another one. */
    private record Seen(@Nullable Object fileKey, long bytes, FileTime changed) {}

    /** @throws IOException when the model's files are gone */
    WeightCache(Path directory, LlamaWeights weights, PackingPlan plan, PackingOptions options) throws IOException {
        this.directory = directory;
        this.weights = weights;
        this.plan = plan;
        this.options = options;
        String key = PackedLayout.VERSION + "\n" + PackedFile.VERSION + "\n" + weights.fingerprint() + "\n"
                + SourceFiles.stamp(weights);
        LayerRange range = weights.range();
        String layers = range.equals(LayerRange.all(weights.config()))
                ? ""
                : ".layers-" + range.first() + "-" + (range.end() - 1);
        byte[] digest = SourceFiles.sha256().digest((key + layers).getBytes(StandardCharsets.UTF_8));
        this.format = new PackedFile(plan, digest);
        this.prefix = SourceFiles.entryName(weights.path()) + layers;
        this.file = directory.resolve(prefix + "-" + HexFormat.of().formatHex(digest, 0, 8) + PACKED);
    }

    /** Bytes that an entry takes on the disk. */
    long bytes() {
        return format.bytes();
    }

    /**
     * Maps the packed weights, after packing them where that has not been done or the file is damaged.
     *
     * @return {@code plan.bytes()} bytes; the caller closes them
     * @throws IOException when the directory or the disk does not allow it
     */
    PackedData map() throws IOException {
        for (int i = 0; i < ATTEMPTS; i++) {
            Seen seen = see();
            try {
                return format.map(file, options.threads());
            } catch (NoSuchFileException | DamagedCacheException e) {
                pack(seen, e);
            }
        }
        throw new IOException("what is written there is damaged when it is read");
    }

    /** Packs the weights where that has not been done; of a file that is there only the header is checked. */
    void prepare() throws IOException {
        Seen seen = see();
        try {
            format.check(file);
        } catch (NoSuchFileException | DamagedCacheException e) {
            pack(seen, e);
        }
    }

    private @Nullable Seen see() throws IOException {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            return new Seen(attributes.fileKey(), attributes.size(), attributes.lastModifiedTime());
        } catch (NoSuchFileException _) {
            return null;
        }
    }

    /** @param seen what was at the file's path when {@code reason} was found there */
    private void pack(@Nullable Seen seen, IOException reason) throws IOException {
        Files.createDirectories(directory);
        try (FileChannel channel = FileChannel.open(directory.resolve(prefix + ".lock"), StandardOpenOption.CREATE,
                StandardOpenOption.WRITE); FileLock _ = lock(channel)) {
            if (!Objects.equals(seen, see())) {
                return; // Whoever had the lock before has packed.
            }
            if (reason instanceof DamagedCacheException) {
                LOG.warn("{} is damaged, {}; the weights are packed anew", file, reason.getMessage());
            }
            clean();
            long free = Files.getFileStore(directory).getUsableSpace();
            if (free < bytes()) {
                throw new IOException("only " + (free >> 20) + " MiB are free");
            }
            write();
        }
    }

    /**
     * Waits for the lock. Asked again and again, because Java does not wait for a lock that another thread of this process
     * has. The channel stays open meanwhile: closing it would end that thread's lock.
     */
    private FileLock lock(FileChannel channel) throws IOException {
        boolean told = false;
        while (true) {
            try {
                FileLock lock = channel.tryLock();
                if (lock != null) {
                    return lock;
                }
            } catch (OverlappingFileLockException _) {
                LOG.trace("another thread of this process holds the lock of {}", prefix);
            }
            if (!told) {
                options.listener().waiting();
                told = true;
            }
            LockSupport.parkNanos(POLL.toNanos());
            Packer.checkInterrupt(Thread.currentThread());
        }
    }

    private void write() throws IOException {
        String id = UUID.randomUUID().toString().substring(0, 8);
        Path temporary = directory.resolve(file.getFileName() + "." + id + TEMPORARY);
        try {
            format.write(temporary, new Packer(weights, plan, options), options.threads());
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    /** Removes what dead processes left and what other content of this path's range was packed to; who has it mapped keeps it. */
    private void clean() throws IOException {
        FileTime abandoned = FileTime.from(Instant.now().minus(ABANDONED));
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory,
                "*{" + PACKED + "," + TEMPORARY + "}")) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                boolean own = name.startsWith(prefix + "-");
                if (own || (name.endsWith(TEMPORARY)
                        && Files.getLastModifiedTime(entry).compareTo(abandoned) < 0)) {
                    Files.deleteIfExists(entry);
                }
            }
        }
    }
}
