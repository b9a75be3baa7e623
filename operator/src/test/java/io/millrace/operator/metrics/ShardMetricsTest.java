package io.millrace.operator.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.metrics.View;
import org.junit.jupiter.api.Test;

class ShardMetricsTest {
    private final RecordedMetrics recorded = new RecordedMetrics();
    private final AtomicInteger used = new AtomicInteger(3);
    private final AtomicInteger total = new AtomicInteger(12);
    private final AtomicLong nanos = new AtomicLong();
    private final ShardMetrics metrics = new ShardMetrics(recorded, 2, used::get, total::get, nanos::get);

    private double busyRatio() {
        ((View) recorded.metric("shard.2.busy_ratio")).update();
        return (Double) recorded.gauge("shard.2.busy_ratio");
    }

    @Test
    void aBatchIsItsRowsItsSequencesAndItsMicroseconds() {
        metrics.computed(40, 3, 5_000_000);
        assertThat(recorded.only("shard.2.batch_tokens")).isEqualTo(40);
        assertThat(recorded.only("shard.2.batch_size")).isEqualTo(3);
        assertThat(recorded.count("shard.2.compute_time")).isEqualTo(5_000);
        metrics.computed(2, 2, 1_000_000);
        assertThat(recorded.count("shard.2.tokens_computed")).isEqualTo(42);
        assertThat(recorded.count("shard.2.compute_time")).isEqualTo(6_000);
        assertThat(recorded.count("shard.2.wait_time")).isZero();
    }

    @Test
    void waitingIsCountedBesideComputing() {
        metrics.waited(3_000_000);
        metrics.waited(4_000_000);
        assertThat(recorded.count("shard.2.wait_time")).isEqualTo(7_000);
        assertThat(recorded.count("shard.2.compute_time")).isZero();
    }

    @Test
    void keyedStateIsCountedInBlocksWrittenPositionsReadAndReadsThatFellShort() {
        metrics.saved(4);
        metrics.restored(50);
        metrics.missing();
        assertThat(recorded.count("shard.2.kv_blocks_saved")).isEqualTo(4);
        assertThat(recorded.count("shard.2.tokens_restored")).isEqualTo(50);
        assertThat(recorded.count("shard.2.kv_restores_incomplete")).isEqualTo(1);
    }

    @Test
    void theArenaIsAskedWhenItIsReported() {
        assertThat(recorded.gauge("shard.2.kv_cache_usage_perc")).isEqualTo(0.25);
        used.set(6);
        assertThat(recorded.gauge("shard.2.kv_blocks_used")).isEqualTo(6);
        assertThat(recorded.gauge("shard.2.kv_blocks_total")).isEqualTo(12);
        assertThat(recorded.gauge("shard.2.kv_cache_usage_perc")).isEqualTo(0.5);
        total.set(0);
        assertThat(recorded.gauge("shard.2.kv_cache_usage_perc")).as("no arena yet").isEqualTo(0.0);
    }

    @Test
    void theBusyRatioIsOfTheTimeSinceItsLastUpdate() {
        nanos.addAndGet(TimeUnit.SECONDS.toNanos(5));
        metrics.computed(1, 1, TimeUnit.SECONDS.toNanos(2));
        assertThat(busyRatio()).isEqualTo(0.4);
        nanos.addAndGet(TimeUnit.SECONDS.toNanos(5));
        assertThat(busyRatio()).isZero();
        nanos.addAndGet(TimeUnit.SECONDS.toNanos(5));
        metrics.computed(1, 1, TimeUnit.SECONDS.toNanos(8));
        assertThat(busyRatio()).as("a batch that began before").isEqualTo(1);
    }
}
