package io.millrace.job.bench;

import io.millrace.runtime.kernels.Activations;
import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.KernelScratch;
import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kernels.Projection;
import io.millrace.runtime.kernels.ScalarKernels;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.packing.PackedLayout;
import io.millrace.runtime.packing.PackedMatrix;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Times matrix products of every weight type, on random weights that come from memory and not from a cache: each product uses
 * the next of many matrices.
 */
public final class KernelBench {
    private static final int OUTPUTS = 4096;
    private static final int COLS = 2048;
    private static final List<Integer> ROWS = List.of(1, 2, 4, 8, 16, 32, 128);
    /** The scalar kernels are no faster with more. */
    private static final List<Integer> SCALAR_ROWS = List.of(1, 4);
    private static final long SEED = 1;

    private final Kernels kernels = KernelProvider.kernels();
    private final Effort effort;
    private final List<Integer> threads;
    private final List<Integer> rows = kernels instanceof ScalarKernels ? SCALAR_ROWS : ROWS;

    /**
     * How long to measure.
     *
     * @param bytes of the matrices of a type, together
     * @param warmUpNanos before the first timing of a type and a number of rows
     * @param tryNanos of a repetition, at least
     * @param repetitions how often each product is timed
     */
    record Effort(long bytes, long warmUpNanos, long tryNanos, int repetitions) {}

    /**
     * @param threads of the larger half of the table; the other is of one thread
     * @param repetitions how often each product is timed
     */
    public KernelBench(int threads, int repetitions) {
        this(threads, new Effort(256L << 20, 500_000_000, 100_000_000, repetitions));
    }

    KernelBench(int threads, Effort effort) {
        this.threads = IntStream.of(1, threads).distinct().boxed().toList();
        this.effort = effort;
    }

    /** Products that are measured. */
    public int tests() {
        return TensorType.values().length * rows.size() * threads.size();
    }

    /**
     * Measures, for about a second per product.
     *
     * @param measured hears 1 after each product, {@link #tests()} times in all
     */
    public KernelReport run(IntConsumer measured) {
        List<WorkerPool> pools = threads.stream().map(WorkerPool::new).toList();
        try {
            return run(pools, measured);
        } finally {
            pools.forEach(WorkerPool::close);
        }
    }

    private KernelReport run(List<WorkerPool> pools, IntConsumer measured) {
        List<KernelReport.Limits> limits = new ArrayList<>();
        List<KernelReport.Result> results = new ArrayList<>();
        for (TensorType type : TensorType.values()) {
            try (Arena arena = Arena.ofShared()) {
                List<Matrix> matrices = matrices(type, arena);
                if (limits.isEmpty()) {
                    List<MemorySegment> memory = matrices.stream().map(Matrix::data).toList();
                    pools.forEach(workers -> limits.add(new KernelReport.Limits(workers.threads(),
                            MachineLimits.measure(kernels, memory, workers))));
                }
                for (int count : rows) {
                    Product product = new Product(matrices, count);
                    product.run(pools.getLast(), effort.warmUpNanos());
                    for (int i = 0; i < pools.size(); i++) {
                        double seconds = product.seconds(pools.get(i));
                        Matrix matrix = matrices.getFirst();
                        results.add(new KernelReport.Result(type.name(), count, threads.get(i), Rates.of(
                                matrix.data().byteSize(), 2L * OUTPUTS * COLS * count, seconds,
                                limits.get(i).limits())));
                        measured.accept(1);
                    }
                }
            }
        }
        return new KernelReport(kernels.name(), OUTPUTS, COLS, limits, results);
    }

    /** A matrix's bytes and how to multiply with it. */
    private record Matrix(MemorySegment data, Projection projection) {}

    /** One matrix is random, the others are copies of it: random numbers take long. */
    private List<Matrix> matrices(TensorType type, Arena arena) {
        Tensor source = SampleTensor.random(type, OUTPUTS, COLS, SEED, arena);
        MemorySegment first = PackedLayout.packs(type) ? PackedMatrix.pack(source, arena).data() : source.data();
        List<Matrix> matrices = new ArrayList<>();
        do {
            MemorySegment copy = arena.allocate(first.byteSize(), 64).copyFrom(first);
            if (PackedLayout.packs(type)) {
                matrices.add(new Matrix(copy, new Projection(source,
                        Optional.of(new PackedMatrix(source.name(), PackedLayout.of(type), OUTPUTS, COLS, copy)),
                        kernels)));
            } else {
                matrices.add(new Matrix(copy, new Projection(new Tensor(source.name(), type, OUTPUTS, COLS, copy),
                        Optional.empty(), kernels)));
            }
        } while (matrices.size() * first.byteSize() < effort.bytes());
        return matrices;
    }

    /** {@code rows} rows of activations times a matrix. */
    private final class Product {
        private final List<Matrix> matrices;
        private final int rows;
        private final Activations x;
        private final float[] y;
        private final KernelScratch[] scratch = Stream.generate(KernelScratch::new).limit(threads.getLast())
                .toArray(KernelScratch[]::new);
        private int next;

        Product(List<Matrix> matrices, int rows) {
            this.matrices = matrices;
            this.rows = rows;
            x = new Activations(rows, COLS, matrices.getFirst().projection().layout().stream().toList());
            y = new float[rows * OUTPUTS];
            Random random = new Random(SEED);
            for (int row = 0; row < rows; row++) {
                for (int i = 0; i < COLS; i++) {
                    x.values()[row * x.stride() + i] = random.nextFloat() - 0.5f;
                }
                if (x.rounds()) {
                    kernels.round(x, row, 0, COLS, new KernelScratch());
                }
            }
        }

        /** Median time of a product. */
        double seconds(WorkerPool workers) {
            double[] seconds = new double[effort.repetitions()];
            for (int i = 0; i < seconds.length; i++) {
                seconds[i] = run(workers, effort.tryNanos());
            }
            return Spread.of(seconds).median();
        }

        /** Seconds per product, over products for this long and one at least. */
        double run(WorkerPool workers, long atLeastNanos) {
            long start = System.nanoTime();
            long products = 0;
            long taken = 0;
            while (products == 0 || taken < atLeastNanos) {
                multiply(workers, matrices.get(next++ % matrices.size()));
                products++;
                taken = System.nanoTime() - start;
            }
            return taken / 1e9 / products;
        }

        private void multiply(WorkerPool workers, Matrix matrix) {
            Projection projection = matrix.projection();
            workers.run(projection.tasks(),
                    (task, worker) -> projection.run(task, x, rows, y, Projection.first(task), OUTPUTS,
                            scratch[worker]));
        }
    }
}
