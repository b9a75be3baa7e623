package io.millrace.operator.metrics;

import io.millrace.runtime.engine.StepObserver;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.ThreadSafeSimpleCounter;
import org.apache.flink.runtime.metrics.DescriptiveStatisticsHistogram;

/**
 * Metrics of a shard, which is all layers of a model or some of them; below the operator's group in one of the shard's number,
 * so that reporters know it as the variable {@code shard}. Durations are in microseconds. One thread computes and reports
 * here; others may read.
 *
 * <p>Subtasks of the head that share a task manager share an engine, and each of them reports all of shard 0 that is there:
 * take the maximum over a task manager's subtasks, not the sum.
 */
public final class ShardMetrics implements StepObserver {
    private final Counter computeTime = new ThreadSafeSimpleCounter();
    private final Counter waitTime = new ThreadSafeSimpleCounter();
    private final Counter computedTokens;
    private final Counter restoredTokens;
    private final Counter savedBlocks;
    private final Counter incompleteRestores;
    private final Histogram batchTokens;
    private final Histogram batchSize;

    /**
     * @param group of the operator
     * @param shard its number, 0 for the head's
     * @param blocksUsed blocks of its arena that hold positions
     * @param blocksTotal blocks of its arena
     */
    public ShardMetrics(MetricGroup group, int shard, IntSupplier blocksUsed, IntSupplier blocksTotal) {
        this(group, shard, blocksUsed, blocksTotal, System::nanoTime);
    }

    ShardMetrics(MetricGroup operator, int shard, IntSupplier blocksUsed, IntSupplier blocksTotal, LongSupplier clock) {
        MetricGroup group = operator.addGroup("shard", Integer.toString(shard));
        group.counter("compute_time", computeTime);
        group.counter("wait_time", waitTime);
        computedTokens = group.counter("tokens_computed", new ThreadSafeSimpleCounter());
        restoredTokens = group.counter("tokens_restored", new ThreadSafeSimpleCounter());
        savedBlocks = group.counter("kv_blocks_saved", new ThreadSafeSimpleCounter());
        incompleteRestores = group.counter("kv_restores_incomplete", new ThreadSafeSimpleCounter());
        batchTokens = SessionMetrics.histogram(group, "batch_tokens");
        batchSize = SessionMetrics.histogram(group, "batch_size");
        group.gauge("busy_ratio", new BusyRatio(computeTime::getCount, clock));
        group.gauge("kv_blocks_used", blocksUsed::getAsInt);
        group.gauge("kv_blocks_total", blocksTotal::getAsInt);
        group.gauge("kv_cache_usage_perc", () -> usage(blocksUsed.getAsInt(), blocksTotal.getAsInt()));
    }

    private static double usage(int used, int total) {
        return total == 0 ? 0 : (double) used / total;
    }

    @Override
    public void computed(int rows, int sequences, long computeNanos) {
        computedTokens.inc(rows);
        batchTokens.update(rows);
        batchSize.update(sequences);
        computeTime.inc(micros(computeNanos));
    }

    @Override
    public void waited(long nanos) {
        waitTime.inc(micros(nanos));
    }

    /** So many blocks were written to keyed state. */
    public void saved(int blocks) {
        savedBlocks.inc(blocks);
    }

    /** So many positions came from keyed state and were not computed. */
    public void restored(int positions) {
        restoredTokens.inc(positions);
    }

    /** Keyed state held fewer positions of a session than it should; they are computed again. */
    public void missing() {
        incompleteRestores.inc();
    }

    private static long micros(long nanos) {
        return nanos / 1000;
    }
}
