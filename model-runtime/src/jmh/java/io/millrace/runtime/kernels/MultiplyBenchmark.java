package io.millrace.runtime.kernels;

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
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A matrix product on one thread: rows of activations times 1024 x 2048 weights, which come from memory, since each call takes
 * the next of many matrices. Several forks, because the compiler sometimes settles on a slower compilation.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 3, jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class MultiplyBenchmark {
    private static final int OUTPUTS = 1024;
    private static final int COLS = 2048;
    private static final long WORKING_SET = 128L << 20;

    @Param({"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q5_K", "Q6_K"})
    public TensorType type = TensorType.F32;

    @Param({"1", "8", "32", "128"})
    public int rows = 1;

    private final Kernels kernels = KernelProvider.kernels();
    private final List<Projection> matrices = new ArrayList<>();
    private final KernelScratch scratch = new KernelScratch();
    private Arena arena = Arena.ofAuto();
    private Activations x = new Activations(0, 0, List.of());
    private float[] y = {};
    private int next;

    @Setup(Level.Trial)
    public void setUp() {
        arena = Arena.ofShared();
        Tensor source = SampleTensor.random(type, OUTPUTS, COLS, 1, arena);
        for (long bytes = 0; bytes < WORKING_SET; bytes += source.data().byteSize()) {
            MemorySegment copy = arena.allocate(source.data().byteSize(), 64).copyFrom(source.data());
            Tensor tensor = new Tensor(source.name(), type, OUTPUTS, COLS, copy);
            matrices.add(new Projection(tensor, PackedLayout.packs(type)
                    ? Optional.of(PackedMatrix.pack(tensor, arena))
                    : Optional.empty(), kernels));
        }
        SplittableRandom random = new SplittableRandom(2);
        x = new Activations(rows, COLS, matrices.getFirst().layout().stream().toList());
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < COLS; i++) {
                x.values()[row * x.stride() + i] = (float) random.nextDouble(-1, 1);
            }
            if (x.rounds()) {
                kernels.round(x, row, 0, COLS, new KernelScratch());
            }
        }
        y = new float[rows * OUTPUTS];
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        matrices.clear();
        arena.close();
    }

    @Benchmark
    public float[] multiply() {
        Projection matrix = matrices.get(next++ % matrices.size());
        for (int task = 0; task < matrix.tasks(); task++) {
            matrix.run(task, x, rows, y, Projection.first(task), OUTPUTS, scratch);
        }
        return y;
    }
}
