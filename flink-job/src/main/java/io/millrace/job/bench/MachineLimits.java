package io.millrace.job.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kernels.ScalarKernels;
import io.millrace.runtime.kernels.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What this machine does at best with the threads that decode: the two sides of a roofline (Williams, Waterman and Patterson
 * 2009). Each is the best of several tries.
 *
 * @param memoryGbPerSecond 10^9 bytes per second at which all threads together read the weights, over and over: memory's
 *        speed, or that of the caches where the weights fit them
 * @param fmaGflopPerSecond 10^9 operations per second of f32 fused multiply-adds, two each, of all threads together
 */
public record MachineLimits(@JsonProperty("memory_gb_per_s") double memoryGbPerSecond,
        @JsonProperty("fma_gflop_per_s") double fmaGflopPerSecond) {
    private static final long MEASURED_BYTES = 1L << 30;

    /**
     * Measures for two or three seconds.
     *
     * @param kernels that are measured against the limits
     * @param weights native or mapped memory that they read
     * @param workers the threads; used by this one meanwhile
     * @return null where the Vector API is not there or is not compiled, so that the kernels are the scalar ones: the limits
     *         of interpreted code would say nothing
     */
    static @Nullable MachineLimits measure(Kernels kernels, List<MemorySegment> weights, WorkerPool workers) {
        return kernels instanceof ScalarKernels ? null : PeakLoops.measure(weights, workers);
    }

    /**
     * Measures without a model, on memory larger than caches are, for two or three seconds.
     *
     * @param threads that compute, this one included
     * @return null as above
     */
    public static @Nullable MachineLimits measure(int threads) {
        try (Arena arena = Arena.ofShared(); WorkerPool workers = new WorkerPool(threads)) {
            MemorySegment memory = arena.allocate(MEASURED_BYTES, Long.BYTES).fill((byte) 1);
            return measure(KernelProvider.kernels(), List.of(memory), workers);
        }
    }

    /** For people. */
    static String describe(@Nullable MachineLimits limits) {
        return limits == null
                ? "limits here: not measured, the Vector API is not in use"
                : String.format(Locale.ROOT,
                        "limits here: %.1f GB/s of reading weights, %.1f GFLOP/s of f32 multiply-adds",
                        limits.memoryGbPerSecond, limits.fmaGflopPerSecond);
    }
}
