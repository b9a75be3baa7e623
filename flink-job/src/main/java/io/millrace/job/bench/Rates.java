package io.millrace.job.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * How much of the machine a test used; the names are those of its JSON.
 *
 * @param gbPerSecond 10^9 bytes of weights and KV cache that were read per second
 * @param gflopPerSecond 10^9 floating-point operations of matrices and attention per second
 * @param share of the limit that binds: 1 when nothing but reading, or nothing but multiplying, took time; null when the
 *        limits are not known
 * @param shareOf the limit that binds
 */
public record Rates(
        @JsonProperty("gb_per_s") double gbPerSecond,
        @JsonProperty("gflop_per_s") double gflopPerSecond,
        @JsonProperty("share") @Nullable Double share,
        @JsonProperty("share_of") @Nullable Limit shareOf) {

    /** What bounds a test. */
    public enum Limit {
        @JsonProperty("memory")
        MEMORY, @JsonProperty("fma")
        FMA
    }

    static Rates of(long bytes, long operations, double seconds, @Nullable MachineLimits limits) {
        double gigabytes = bytes / seconds / 1e9;
        double gigaflops = operations / seconds / 1e9;
        if (limits == null) {
            return new Rates(gigabytes, gigaflops, null, null);
        }
        double ofMemory = gigabytes / limits.memoryGbPerSecond();
        double ofFma = gigaflops / limits.fmaGflopPerSecond();
        return new Rates(gigabytes, gigaflops, Math.max(ofMemory, ofFma),
                ofMemory > ofFma ? Limit.MEMORY : Limit.FMA);
    }

    /** For people. */
    String describeShare() {
        if (share == null || shareOf == null) {
            return "";
        }
        String limit = switch (shareOf) {
            case MEMORY -> "memory";
            case FMA -> "FMA";
        };
        return String.format(Locale.ROOT, "%3.0f%% %s", 100 * share, limit);
    }

    /** For people: three digits that count. */
    static String text(double rate) {
        return String.format(Locale.ROOT, rate < 10 ? "%.2f" : "%.1f", rate);
    }
}
