package io.millrace.job.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.job.bench.KernelReport.Result;
import io.millrace.job.bench.Rates.Limit;
import io.millrace.runtime.weights.TensorType;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class KernelBenchTest {

    @Test
    void everyTypeIsMeasuredAtEveryNumberOfRowsAndThreads() {
        KernelBench bench = new KernelBench(2, new KernelBench.Effort(1, 1, 1, 1));
        AtomicInteger measured = new AtomicInteger();

        KernelReport report = bench.run(measured::addAndGet);

        assertThat(measured).hasValue(bench.tests());
        assertThat(report.results()).hasSize(bench.tests()).allMatch(result -> result.rates().gbPerSecond() > 0
                && result.rates().gflopPerSecond() > 0);
        for (TensorType type : TensorType.values()) {
            assertThat(report.results()).filteredOn(result -> result.type().equals(type.name()))
                    .filteredOn(result -> result.threads() == 2).extracting(Result::rows)
                    .containsExactly(1, 2, 4, 8, 16, 32, 128);
        }
        assertThat(report.limits()).extracting(KernelReport.Limits::threads).containsExactly(1, 2);
    }

    @Test
    void theTableIsAligned() {
        KernelReport report = new KernelReport("vector (512 bit)", 4096, 2048,
                List.of(new KernelReport.Limits(1, new MachineLimits(20, 110)),
                        new KernelReport.Limits(2, null)),
                List.of(new Result("Q4_0", 1, 1, new Rates(14.2, 50.5, 0.71, Limit.MEMORY)),
                        new Result("F16", 128, 2, new Rates(1.5, 192, null, null))));

        assertThat(report.table().lines()).containsExactly(
                "vector (512 bit) kernels; matrices of 4096 x 2048, read from memory",
                "1 thread, limits here: 20.0 GB/s of reading weights, 110.0 GFLOP/s of f32 multiply-adds",
                "2 threads, limits here: not measured, the Vector API is not in use", "",
                "type   rows  threads     GB/s   GFLOP/s   of the limit",
                "Q4_0      1        1     14.2      50.5    71% memory",
                "F16     128        2     1.50     192.0");
    }
}
