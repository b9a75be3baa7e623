package io.millrace.job.cli;

import io.millrace.training.run.LossPoint;
import io.millrace.training.run.TrainingListener;
import java.io.PrintWriter;
import java.util.Locale;

/** How a training run goes, as lines: one when a stage begins and ends, and two a minute between. Used by one thread. */
final class TrainingProgress implements TrainingListener {
    private static final long INTERVAL_NANOS = 30_000_000_000L;
    /** Share of a new value in the running means. */
    private static final double NEW = 0.05;

    private final PrintWriter err;
    private long printed = System.nanoTime() - INTERVAL_NANOS;
    private double loss = Double.NaN;
    private double rate = Double.NaN;
    private double heldOut = Double.NaN;
    private String stage = "";

    TrainingProgress(PrintWriter err) {
        this.err = err;
    }

    @Override
    public void said(String line) {
        err.println(line);
        err.flush();
    }

    @Override
    public void stepped(LossPoint point, long tokens, long tokensInAll) {
        if (!stage.equals(point.stage().title())) {
            stage = point.stage().title();
            loss = Double.NaN;
            heldOut = Double.NaN;
        }
        loss = mean(loss, point.loss());
        rate = mean(rate, point.tokensPerSecond());
        heldOut = Double.isNaN(point.heldOutLoss()) ? heldOut : point.heldOutLoss();
        long now = System.nanoTime();
        if (now - printed >= INTERVAL_NANOS || tokens >= tokensInAll) {
            printed = now;
            err.printf(Locale.ROOT, "%s %3.0f%%: step %,d, loss %.3f%s, %,.0f tokens/s, %.0f min left of it%n", stage,
                    Math.min(100, 100.0 * tokens / tokensInAll), point.step(), loss,
                    Double.isNaN(heldOut) ? "" : String.format(Locale.ROOT, " (held out %.3f)", heldOut), rate,
                    Math.max(0, tokensInAll - tokens) / rate / 60);
            err.flush();
        }
    }

    private static double mean(double before, double value) {
        return Double.isNaN(before) ? value : before + NEW * (value - before);
    }
}
