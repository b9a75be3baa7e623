package io.millrace.job.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a bench of the decoder found, the tests in the order they ran; the names are those of its JSON. */
public record BenchReport(
        @JsonProperty("model") String model,
        @JsonProperty("threads") int threads,
        @JsonProperty("kv_type") String kvType,
        @JsonProperty("limits") @Nullable MachineLimits limits,
        @JsonProperty("results") List<BenchResult> results) {

    /** For people: lines of aligned columns. */
    public String table() {
        List<String> lines = new ArrayList<>();
        lines.add(model + ", " + threads + (threads == 1 ? " thread" : " threads") + ", KV cache "
                + kvType);
        lines.add(MachineLimits.describe(limits));
        lines.add("");
        lines.add(row("test", "depth", "batch", "tokens/s", "slowest", "fastest", "GB/s", "GFLOP/s", "of the limit"));
        for (BenchResult result : results) {
            Rates rates = result.rates();
            lines.add(row(result.test(), String.valueOf(result.depth()), String.valueOf(result.batch()),
                    Rates.text(result.tokensPerSecond()), Rates.text(result.min()), Rates.text(result.max()),
                    Rates.text(rates.gbPerSecond()), Rates.text(rates.gflopPerSecond()), rates.describeShare()));
        }
        lines.add("");
        lines.add("tokens/s: median, slowest and fastest repetition, all sequences of a batch together.");
        lines.add("GB/s: weights and KV cache read. GFLOP/s: matrices and attention.");
        return String.join(System.lineSeparator(), lines);
    }

    private static String row(String test, String depth, String batch, String median, String slowest, String fastest,
            String bytes, String operations, String share) {
        return String
                .format(Locale.ROOT, "%-8s %6s %5s %10s %10s %10s %8s %9s   %s", test, depth, batch, median, slowest,
                        fastest, bytes, operations, share)
                .stripTrailing();
    }
}
