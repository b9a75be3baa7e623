package io.millrace.job.cli;

import io.millrace.runtime.packing.LoadingListener;
import io.millrace.runtime.packing.PackingOptions;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Shows on standard error how far the loading of weights is: a bar to a person, else a line every few seconds. */
final class LoadingProgress implements LoadingListener, AutoCloseable {
    private static final Duration INTERVAL = Duration.ofSeconds(5);

    private final PrintWriter err;
    private final boolean watched = Terminal.isInteractive();
    private long told = System.nanoTime();
    private @Nullable Step shown;
    private @Nullable Progress progress;

    private LoadingProgress(PrintWriter err) {
        this.err = err;
    }

    /** Does something that may check and pack weights, and shows it. */
    static <T> T during(Optional<Path> cacheDirectory, int threads, PrintWriter err, Function<PackingOptions, T> work) {
        try (LoadingProgress shown = new LoadingProgress(err)) {
            return work.apply(new PackingOptions(cacheDirectory, threads, shown));
        }
    }

    @Override
    public void advanced(Step step, long done, long total) {
        String work = switch (step) {
            case CHECKING -> "checking files";
            case PACKING -> "packing weights";
        };
        if (watched) {
            if (progress == null || step != shown) {
                close();
                progress = Progress.start(work + " (MiB)", total >> 20);
                shown = step;
            }
            progress.moveTo(done >> 20);
        } else if (System.nanoTime() - told > INTERVAL.toNanos()) {
            told = System.nanoTime();
            err.printf("millrace: %s: %d %% of %d MiB%n", work, 100 * done / total, total >> 20);
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
