package io.millrace.runtime.kernels;

import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackedMatrix;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * Runs the kernels on a little of a model until the JVM has had time to compile them. Vector code is many times slower
 * interpreted than compiled, and without this the first prompts of a process pay for that.
 *
 * <p>
 * The model's own tensors are used: the compiler specializes on the kind of memory it has seen, and must not see another.
 */
public final class KernelWarmUp {
    private static final int OUTPUTS = 64;
    /** One row; a register tile of four, of two and of one; several of four: the loops that the compiler must see. */
    private static final int[] ROWS = {1, 7, 18};
    private static final int MOST_ROWS = 18;
    /** A group of four, a group of two and a single one. */
    private static final int QUERIES = 7;
    /** Values of the cache that are converted. */
    private static final int CACHED = 1024;
    /** Compiled code belongs to the process, and so does the memory of it. */
    private static final Set<Warm> WARM = ConcurrentHashMap.newKeySet();

    private record Warm(String kernels, TensorType type) {}

    private final Kernels kernels;
    private final KernelScratch scratch = new KernelScratch();
    private final MemorySegment cache = Arena.ofAuto().allocate(CACHED * (long) Float.BYTES);

    private KernelWarmUp(Kernels kernels) {
        this.kernels = kernels;
    }

    /**
     * Computes in this thread until {@code patience} has passed, and throws the results away. What is compiled stays compiled:
     * types that an earlier call in this process has seen are not warmed again, and a job that restarts does not wait.
     *
     * @param weights of the model; one matrix of each type is used
     * @param packed of the same model
     */
    public static void run(Kernels kernels, LlamaWeights weights, PackedWeights packed, Duration patience) {
        Map<TensorType, Tensor> matrices = new EnumMap<>(TensorType.class);
        // The embedding comes last: of an untied model it is not packed, and only its rows are read.
        Stream.concat(weights.matrices().stream(), weights.tensors().stream())
                .filter(tensor -> tensor.rows() >= OUTPUTS && !WARM.contains(new Warm(kernels.name(), tensor.type())))
                .forEach(tensor -> matrices.putIfAbsent(tensor.type(), tensor));
        if (matrices.isEmpty()) {
            return;
        }
        KernelWarmUp warmUp = new KernelWarmUp(kernels);
        long end = System.nanoTime() + patience.toNanos();
        while (System.nanoTime() < end) {
            matrices.values().forEach(matrix -> warmUp.multiply(matrix, packed.of(matrix)));
            warmUp.attend(weights.config().headDim());
        }
        matrices.keySet().forEach(type -> WARM.add(new Warm(kernels.name(), type)));
    }

    private void multiply(Tensor matrix, Optional<PackedMatrix> packed) {
        int width = matrix.cols();
        Activations x = new Activations(MOST_ROWS, width, packed.map(PackedMatrix::layout).stream().toList());
        float[] y = new float[MOST_ROWS * OUTPUTS];
        for (int row = 0; row < MOST_ROWS && x.rounds(); row++) {
            kernels.round(x, row, 0, width, scratch);
        }
        for (int rows : ROWS) {
            if (packed.isPresent()) {
                kernels.multiply(packed.get(), 0, x, rows, y, 0, OUTPUTS, scratch);
            } else {
                kernels.multiply(matrix, 0, OUTPUTS, x.values(), x.stride(), rows, y, 0, OUTPUTS, scratch);
            }
        }
        width = Kernels.padded(width);
        float[] row = new float[width];
        kernels.dequantize(matrix, 0, 0, matrix.cols(), row, 0);
        kernels.rmsNorm(row, 0, matrix.cols(), row.clone(), 1e-5f, x.values(), 0);
        kernels.swiGlu(row, 0, x.values(), 0, matrix.cols());
        kernels.add(row, 0, x.values(), 0, matrix.cols());
    }

    private void attend(int headDim) {
        AttentionTile tile = new AttentionTile(headDim, QUERIES, true);
        tile.begin(QUERIES);
        for (KvType type : KvType.values()) {
            kernels.toFloats(type, cache, 0, CACHED, tile.data(), 0);
        }
        kernels.attendKeys(tile, 0, QUERIES, AttentionTile.POSITIONS);
        kernels.attendValues(tile, 0, QUERIES, AttentionTile.POSITIONS);
        for (int query = 0; query < QUERIES; query++) {
            tile.finish(query, new float[headDim], 0);
        }
    }
}
