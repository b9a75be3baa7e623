package io.millrace.job.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.job.bench.Rates.Limit;
import java.util.List;
import org.junit.jupiter.api.Test;

class BenchReportTest {

    @Test
    void theTableIsAligned() {
        BenchReport report = new BenchReport("llama", 2, "f16", new MachineLimits(30.04, 228.5),
                List.of(new BenchResult("pp512", 0, 1, 88.06, 80, 90.5, new Rates(0.21, 174.2, 0.7624, Limit.FMA)),
                        new BenchResult("tg64", 8192, 32, 1234.56, 1200, 1300,
                                new Rates(28.5, 60, 0.95, Limit.MEMORY))));

        assertThat(report.table().lines()).startsWith("llama, 2 threads, KV cache f16",
                "limits here: 30.0 GB/s of reading weights, 228.5 GFLOP/s of f32 multiply-adds", "",
                "test      depth batch   tokens/s    slowest    fastest     GB/s   GFLOP/s   of the limit",
                "pp512         0     1       88.1       80.0       90.5     0.21     174.2    76% FMA",
                "tg64       8192    32     1234.6     1200.0     1300.0     28.5      60.0    95% memory", "");
    }

    @Test
    void limitsThatAreNotKnownAreSaidToBe() {
        BenchReport report = new BenchReport("llama", 1, "f32", null,
                List.of(new BenchResult("pp512", 0, 1, 8, 8, 8, new Rates(0.2, 1, null, null))));

        assertThat(report.table().lines()).startsWith("llama, 1 thread, KV cache f32",
                "limits here: not measured, the Vector API is not in use").contains(
                        "pp512         0     1       8.00       8.00       8.00     0.20      1.00");
    }
}
