package io.millrace.runtime.packing;

import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.Tensor;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The packed form of every matrix that the decoder multiplies with. Immutable, any thread may read. Whoever opened it closes
 * it, when nobody reads any more.
 */
public final class PackedWeights implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Map<String, PackedMatrix> matrices = new HashMap<>();

    private PackedWeights(LlamaWeights weights) {
        for (Tensor tensor : weights.tensors()) {
            boolean lookedUpOnly = tensor.equals(weights.embedding()) && !tensor.equals(weights.output());
            if (!lookedUpOnly && PackedLayout.packs(tensor.type())) {
                matrices.put(tensor.name(), PackedMatrix.pack(tensor, arena));
            }
        }
    }

    /** Packs weights in memory. */
    public static PackedWeights inMemory(LlamaWeights weights) {
        return new PackedWeights(weights);
    }

    /** The packed form of a matrix of the model; empty when its type stays in file layout. */
    public Optional<PackedMatrix> of(Tensor matrix) {
        return Optional.ofNullable(matrices.get(matrix.name()));
    }

    /** Frees them; no packed matrix may be used any more. */
    @Override
    public void close() {
        arena.close();
    }
}
