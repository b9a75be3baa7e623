package io.millrace.job.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What a bench found, the tests in the order they ran; the names are those of its JSON. */
public record BenchReport(
        @JsonProperty("model") String model,
        @JsonProperty("threads") int threads,
        @JsonProperty("limits") MachineLimits limits,
        @JsonProperty("results") List<BenchResult> results) {

    /** For people: lines of aligned columns. */
    public String table() {
        List<String> lines = new ArrayList<>();
        lines.add(model + ", " + threads + (threads == 1 ? " thread" : " threads"));
        lines.add(String.format(Locale.ROOT,
                "limits here: %.1f GB/s of reading weights, %.1f GFLOP/s of f32 multiply-adds",
                limits.memoryGbPerSecond(), limits.fmaGflopPerSecond()));
        lines.add("");
        lines.add(row("test", "batch", "tokens/s", "slowest", "fastest", "GB/s", "GFLOP/s", "of the limit"));
        results.forEach(result -> lines.add(row(result.test(), String.valueOf(result.batch()),
                rate(result.tokensPerSecond()), rate(result.min()), rate(result.max()), rate(result.gbPerSecond()),
                rate(result.gflopPerSecond()), share(result))));
        lines.add("");
        lines.add("tokens/s: median, slowest and fastest repetition, all sequences of a batch together.");
        lines.add("GB/s: weights read. GFLOP/s: products with the model's matrices; attention is left out.");
        return String.join(System.lineSeparator(), lines);
    }

    private static String row(String test, String batch, String median, String slowest, String fastest, String bytes,
            String operations, String share) {
        return String.format(Locale.ROOT, "%-8s %5s %10s %10s %10s %8s %9s   %s", test, batch, median, slowest, fastest,
                bytes, operations, share);
    }

    private static String rate(double rate) {
        return String.format(Locale.ROOT, rate < 10 ? "%.2f" : "%.1f", rate);
    }

    private static String share(BenchResult result) {
        String limit = switch (result.shareOf()) {
            case MEMORY -> "memory";
            case FMA -> "FMA";
        };
        return String.format(Locale.ROOT, "%3.0f%% %s", 100 * result.share(), limit);
    }
}
