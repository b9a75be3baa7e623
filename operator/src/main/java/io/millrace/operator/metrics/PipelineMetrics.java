package io.millrace.operator.metrics;

import io.millrace.runtime.engine.StepObserver;
import java.util.function.IntSupplier;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.ThreadSafeSimpleCounter;

/**
 * What the head of a pipeline of shards measures of the others, by its own clock alone. Durations are in microseconds. One
 * thread reports; others may read.
 */
public final class PipelineMetrics implements StepObserver {
    private final Histogram roundTripTime;
    private final Counter networkTime = new ThreadSafeSimpleCounter();

    /**
     * @param group of the head
     * @param inFlight micro-batches that were sent and whose results have not come back
     */
    public PipelineMetrics(MetricGroup group, IntSupplier inFlight) {
        MetricGroup pipeline = group.addGroup("pipeline");
        roundTripTime = SessionMetrics.histogram(pipeline, "round_trip_time");
        pipeline.counter("network_time", networkTime);
        pipeline.gauge("num_micro_batches_in_flight", inFlight::getAsInt);
    }

    @Override
    public void computed(int rows, int sequences, long nanos) {}

    @Override
    public void waited(long nanos) {}

    @Override
    public void landed(long roundTripNanos, long shardNanos) {
        roundTripTime.update(roundTripNanos / 1000);
        networkTime.inc(Math.max(0, roundTripNanos - shardNanos) / 1000);
    }
}
