package io.millrace.job.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import org.jspecify.annotations.Nullable;

/**
 * One test; the names are those of its JSON.
 *
 * @param test {@code pp} (prefill) and its tokens, or {@code tg} (decode) and its steps
 * @param depth positions that each sequence had in its cache beforehand
 * @param batch sequences that were computed together
 * @param tokensPerSecond the median of the repetitions, of all sequences together
 * @param min tokens per second of the slowest repetition
 * @param max tokens per second of the fastest repetition
 * @param rates at the median
 */
public record BenchResult(
        @JsonProperty("test") String test,
        @JsonProperty("depth") int depth,
        @JsonProperty("batch") int batch,
        @JsonProperty("tokens_per_second") double tokensPerSecond,
        @JsonProperty("min") double min,
        @JsonProperty("max") double max,
        @JsonUnwrapped Rates rates) {

    /**
     * Sums up the repetitions of a test.
     *
     * @param tokens computed in one repetition
     * @param bytes of weights and cache read in one repetition
     * @param operations done in one repetition
     * @param seconds of each repetition
     */
    static BenchResult of(String test, int depth, int batch, long tokens, long bytes, long operations, double[] seconds,
            @Nullable MachineLimits limits) {
        Spread taken = Spread.of(seconds);
        return new BenchResult(test, depth, batch, tokens / taken.median(), tokens / taken.max(), tokens / taken.min(),
                Rates.of(bytes, operations, taken.median(), limits));
    }
}
