package io.millrace.job.cli;

import io.millrace.runtime.packing.PackingListener;
import io.millrace.runtime.packing.PackingOptions;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Shows on standard error how far the packing of weights is: a bar to a person, else a line every few seconds. */
final class PackingProgress implements PackingListener, AutoCloseable {
    private static final Duration INTERVAL = Duration.ofSeconds(5);

    private final PrintWriter err;
    private final boolean watched = Terminal.isInteractive();
    private long told = System.nanoTime();
    private @Nullable Progress progress;

    private PackingProgress(PrintWriter err) {
        this.err = err;
    }

    /** Does something that may pack weights, and shows it. */
    static <T> T during(Optional<Path> cacheDirectory, int threads, PrintWriter err, Function<PackingOptions, T> work) {
        try (PackingProgress shown = new PackingProgress(err)) {
            return work.apply(new PackingOptions(cacheDirectory, threads, shown));
        }
    }

    @Override
    public void packed(long done, long total) {
        if (watched) {
            if (progress == null) {
                progress = Progress.start("packing weights (MiB)", total >> 20);
            }
            progress.moveTo(done >> 20);
        } else if (System.nanoTime() - told > INTERVAL.toNanos()) {
            told = System.nanoTime();
            err.printf("millrace: packing weights: %d %% of %d MiB%n", 100 * done / total, total >> 20);
        }
    }

    @Override
    public void waiting() {
        err.println("millrace: waiting for another process that packs the weights of this model");
    }

    @Override
    public void close() {
        if (progress != null) {
            progress.close();
        }
    }
}
