package io.millrace.job.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;

/**
 * One test; the names are those of its JSON.
 *
 * @param test {@code pp} (prefill) and its tokens, or {@code tg} (decode) and its steps
 * @param batch sequences that were computed together
 * @param tokensPerSecond the median of the repetitions, of all sequences together
 * @param min tokens per second of the slowest repetition
 * @param max tokens per second of the fastest repetition
 * @param gbPerSecond 10^9 bytes of weights that were read per second, at the median
 * @param gflopPerSecond 10^9 floating-point operations of the matrices per second, at the median
 * @param share of the limit that binds this test: 1 when nothing but reading the weights, or nothing but multiplying, took
 *        time
 * @param shareOf the limit that binds
 */
public record BenchResult(
        @JsonProperty("test") String test,
        @JsonProperty("batch") int batch,
        @JsonProperty("tokens_per_second") double tokensPerSecond,
        @JsonProperty("min") double min,
        @JsonProperty("max") double max,
        @JsonProperty("gb_per_s") double gbPerSecond,
        @JsonProperty("gflop_per_s") double gflopPerSecond,
        @JsonProperty("share") double share,
        @JsonProperty("share_of") Limit shareOf) {

    /** What bounds a test. */
    public enum Limit {
        @JsonProperty("memory")
        MEMORY, @JsonProperty("fma")
        FMA
    }

    /**
     * Sums up the repetitions of a test.
     *
     * @param tokens computed in one repetition
     * @param bytes of weights read in one repetition
     * @param operations done in one repetition
     * @param seconds of each repetition
     */
    static BenchResult of(String test, int batch, long tokens, long bytes, long operations, double[] seconds,
            MachineLimits limits) {
        double[] sorted = seconds.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        double gigabytes = bytes / median / 1e9;
        double gigaflops = operations / median / 1e9;
        double ofMemory = gigabytes / limits.memoryGbPerSecond();
        double ofFma = gigaflops / limits.fmaGflopPerSecond();
        return new BenchResult(test, batch, tokens / median, tokens / sorted[sorted.length - 1], tokens / sorted[0],
                gigabytes, gigaflops, Math.max(ofMemory, ofFma), ofMemory > ofFma ? Limit.MEMORY : Limit.FMA);
    }
}
