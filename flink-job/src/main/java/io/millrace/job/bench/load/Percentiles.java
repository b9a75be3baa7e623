package io.millrace.job.bench.load;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.stream.DoubleStream;

/** Of values of any unit, by nearest rank: each is one of the values. */
public record Percentiles(@JsonProperty("p50") double p50, @JsonProperty("p95") double p95,
        @JsonProperty("p99") double p99) {

    /** @param values at least one */
    static Percentiles of(DoubleStream values) {
        double[] sorted = values.sorted().toArray();
        if (sorted.length == 0) {
            throw new IllegalArgumentException("percentiles of nothing");
        }
        return new Percentiles(rank(sorted, 50), rank(sorted, 95), rank(sorted, 99));
    }

    private static double rank(double[] sorted, int percent) {
        return sorted[Math.ceilDiv(sorted.length * percent, 100) - 1];
    }
}
