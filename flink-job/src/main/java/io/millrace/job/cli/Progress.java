package io.millrace.job.cli;

import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/**
 * A progress bar on standard error for work that turns out to take more than two seconds, when a person is watching.
 * Advanced by the thread that does the work; {@link #close} clears the line.
 */
final class Progress implements AutoCloseable {
    private static final long PATIENCE_NANOS = 2_000_000_000L;

    private final String unit;
    private final long total;
    private final long started = System.nanoTime();
    private final boolean watched = Terminal.isInteractive();
    private long done;
    private @Nullable ProgressBar bar;

    private Progress(String unit, long total) {
        this.unit = unit;
        this.total = total;
    }

    static Progress start(String unit, long total) {
        return new Progress(unit, total);
    }

    void advance(long steps) {
        moveTo(done + steps);
    }

    /** @param steps done since the start */
    void moveTo(long steps) {
        done = steps;
        if (bar == null && watched && System.nanoTime() - started > PATIENCE_NANOS) {
            bar = new ProgressBarBuilder().setTaskName(unit).setInitialMax(total).setStyle(ProgressBarStyle.ASCII)
                    .setUpdateIntervalMillis(200).clearDisplayOnFinish().build();
        }
        if (bar != null) {
            bar.stepTo(done);
        }
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
