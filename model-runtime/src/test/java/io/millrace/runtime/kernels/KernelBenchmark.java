package io.millrace.runtime.kernels;

import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Speed of matrix products on one thread: bytes of weights per second for one row, floating-point operations per second for
 * several. Arguments: types, all when there are none.
 */
final class KernelBenchmark {
    private static final int OUTPUTS = 8192;
    private static final int COLS = 2048;
    private static final int[] ROWS = {4, 16, 128};
    private static final int ROUNDS = 9;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private KernelBenchmark() {}

    public static void main(String[] args) {
        Kernels kernels = KernelProvider.kernels();
        List<TensorType> types = args.length == 0
                ? List.of(TensorType.values())
                : Arrays.stream(args).map(TensorType::valueOf).toList();
        System.out.println(kernels.name());
        System.out.printf("%-5s %12s", "", "1 row, GB/s");
        for (int rows : ROWS) {
            System.out.printf(" %6d rows, GFLOP/s", rows);
        }
        System.out.println();
        for (TensorType type : types) {
            Tensor weights = TestTensors.random(type, OUTPUTS, COLS, 1);
            System.out.printf(Locale.ROOT, "%-5s %12.1f", type,
                    weights.data().byteSize() / seconds(kernels, weights, 1) / 1e9);
            for (int rows : ROWS) {
                System.out.printf(Locale.ROOT, " %20.1f",
                        2.0 * OUTPUTS * COLS * rows / seconds(kernels, weights, rows) / 1e9);
            }
            System.out.println();
        }
    }

    /** Median processor time of a product: other load on the machine does not count. */
    private static double seconds(Kernels kernels, Tensor weights, int rows) {
        float[] x = TestTensors.activations(rows, COLS, 2);
        float[] y = new float[rows * OUTPUTS];
        float[] scratch = new float[Kernels.MULTIPLY_SCRATCH];
        double[] times = new double[ROUNDS];
        for (int i = -ROUNDS; i < ROUNDS; i++) {
            long start = THREADS.getCurrentThreadCpuTime();
            for (int first = 0; first < OUTPUTS; first += 64) {
                kernels.multiply(weights, first, 64, x, COLS, rows, y, OUTPUTS, scratch);
            }
            if (i >= 0) {
                times[i] = (THREADS.getCurrentThreadCpuTime() - start) / 1e9;
            }
        }
        Arrays.sort(times);
        return times[ROUNDS / 2];
    }
}
