package io.millrace.operator.metrics;

import java.util.function.LongSupplier;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.View;

/** Share of the time that was spent computing, from 0 to 1, over the last seconds: Flink updates a {@link View} every five. */
final class BusyRatio implements Gauge<Double>, View {
    private final LongSupplier busyMicros;
    private final LongSupplier clock;
    private long lastBusyMicros;
    private long lastNanos;
    private volatile double ratio;

    /**
     * @param busyMicros so far
     * @param clock as {@link System#nanoTime}
     */
    BusyRatio(LongSupplier busyMicros, LongSupplier clock) {
        this.busyMicros = busyMicros;
        this.clock = clock;
        this.lastNanos = clock.getAsLong();
    }

    @Override
    public void update() {
        long busy = busyMicros.getAsLong();
        long now = clock.getAsLong();
        double elapsedMicros = (now - lastNanos) / 1000.0;
        // A batch that took longer than the time between two updates counts when it ends.
        ratio = elapsedMicros <= 0 ? 0 : Math.min(1, (busy - lastBusyMicros) / elapsedMicros);
        lastBusyMicros = busy;
        lastNanos = now;
    }

    @Override
    public Double getValue() {
        return ratio;
    }
}
