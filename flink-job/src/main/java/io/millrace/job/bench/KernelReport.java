package io.millrace.job.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a bench of the kernels found; the names are those of its JSON.
 *
 * @param outputs rows of each matrix of weights
 * @param cols its columns
 */
public record KernelReport(
        @JsonProperty("kernels") String kernels,
        @JsonProperty("outputs") int outputs,
        @JsonProperty("cols") int cols,
        @JsonProperty("limits") List<Limits> limits,
        @JsonProperty("results") List<Result> results) {

    /** The limits with so many threads; null when they were not measured. */
    public record Limits(@JsonProperty("threads") int threads,
            @JsonProperty("limits") @Nullable MachineLimits limits) {}

    /**
     * A product at its median time.
     *
     * @param type of the weights
     * @param rows of activations
     */
    public record Result(@JsonProperty("type") String type, @JsonProperty("rows") int rows,
            @JsonProperty("threads") int threads, @JsonUnwrapped Rates rates) {}

    /** For people: lines of aligned columns. */
    public String table() {
        List<String> lines = new ArrayList<>();
        lines.add(String.format(Locale.ROOT, "%s kernels; matrices of %d x %d, read from memory", kernels, outputs,
                cols));
        limits.forEach(each -> lines.add(each.threads() + (each.threads() == 1 ? " thread, " : " threads, ")
                + MachineLimits.describe(each.limits())));
        lines.add("");
        lines.add(String.format(Locale.ROOT, "%-5s %5s %8s %8s %9s   %s", "type", "rows", "threads", "GB/s", "GFLOP/s",
                "of the limit"));
        for (Result result : results) {
            lines.add(String.format(Locale.ROOT, "%-5s %5d %8d %8s %9s   %s", result.type(), result.rows(),
                    result.threads(), Rates.text(result.rates().gbPerSecond()),
                    Rates.text(result.rates().gflopPerSecond()), result.rates().describeShare()).stripTrailing());
        }
        return String.join(System.lineSeparator(), lines);
    }
}
