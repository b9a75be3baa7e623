package io.millrace.job.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.job.bench.BenchResult.Limit;
import java.util.List;
import org.junit.jupiter.api.Test;

class BenchReportTest {

    @Test
    void theTableIsAligned() {
        BenchReport report = new BenchReport("llama", 2, new MachineLimits(30.04, 228.5),
                List.of(new BenchResult("pp512", 1, 88.06, 80, 90.5, 0.21, 174.2, 0.7624, Limit.FMA),
                        new BenchResult("tg64", 32, 1234.56, 1200, 1300, 28.5, 60, 0.95, Limit.MEMORY)));

        assertThat(report.table().lines()).startsWith("llama, 2 threads",
                "limits here: 30.0 GB/s of reading weights, 228.5 GFLOP/s of f32 multiply-adds", "",
                "test     batch   tokens/s    slowest    fastest     GB/s   GFLOP/s   of the limit",
                "pp512        1       88.1       80.0       90.5     0.21     174.2    76% FMA",
                "tg64        32     1234.6     1200.0     1300.0     28.5      60.0    95% memory", "");
    }
}
