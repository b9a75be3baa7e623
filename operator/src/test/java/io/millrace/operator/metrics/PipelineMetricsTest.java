package io.millrace.operator.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PipelineMetricsTest {
    private final RecordedMetrics recorded = new RecordedMetrics();
    private final AtomicInteger inFlight = new AtomicInteger();
    private final PipelineMetrics metrics = new PipelineMetrics(recorded, inFlight::get);

    @Test
    void whatTheStagesDidNotComputeIsNetworkAndQueues() {
        metrics.landed(9_000_000, 7_000_000);
        metrics.landed(5_000_000, 4_500_000);
        assertThat(recorded.count("pipeline.network_time")).isEqualTo(2_500);
        assertThat(recorded.histogram("pipeline.round_trip_time").getCount()).isEqualTo(2);
        assertThat(recorded.histogram("pipeline.round_trip_time").getStatistics().getMax()).isEqualTo(9_000);
    }

    @Test
    void clocksThatDisagreeDoNotCountBackwards() {
        metrics.landed(1_000_000, 2_000_000);
        assertThat(recorded.count("pipeline.network_time")).isZero();
    }

    @Test
    void microBatchesInFlightAreAskedWhenTheyAreReported() {
        inFlight.set(3);
        assertThat(recorded.gauge("pipeline.num_micro_batches_in_flight")).isEqualTo(3);
    }
}
