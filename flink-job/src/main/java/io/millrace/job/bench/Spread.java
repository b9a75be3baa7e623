package io.millrace.job.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;

/** What repetitions of one measurement gave. */
public record Spread(@JsonProperty("min") double min, @JsonProperty("median") double median,
        @JsonProperty("max") double max) {

    /**
     * The smallest, the middle and the largest of them.
     *
     * @param values at least one
     */
    public static Spread of(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(sorted[0], median, sorted[sorted.length - 1]);
    }
}
