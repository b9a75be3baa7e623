package io.millrace.job.bench;

import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.packing.PackedMatrix;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.weights.LayerWeights;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;

/**
 * What the matrices of a model and its attention cost. Norms and the lookup of embeddings are left out: they are thousands
 * of times less.
 *
 * @param layerBytes bytes of the matrices of all layers, which each forward pass reads
 * @param layerMultiplyAdds multiply-adds of a row in them
 * @param outputBytes bytes of the output matrix, which a pass with rows of logits reads
 * @param outputMultiplyAdds multiply-adds of a row of logits
 * @param positionBytes bytes of keys and values of a position, all layers
 * @param positionMultiplyAdds multiply-adds of a row with the keys and values of a position, all layers
 */
record ModelWork(long layerBytes, long layerMultiplyAdds, long outputBytes, long outputMultiplyAdds, long positionBytes,
        long positionMultiplyAdds) {

    /**
     * The work of a model.
     *
     * @param packed of the same model: its bytes are what is read
     */
    static ModelWork of(LlamaWeights weights, PackedWeights packed, KvLayout kv) {
        List<Tensor> matrices = weights.layers().stream().flatMap(ModelWork::matrices).toList();
        return new ModelWork(matrices.stream().mapToLong(matrix -> data(matrix, packed).byteSize()).sum(),
                matrices.stream().mapToLong(ModelWork::values).sum(), data(weights.output(), packed).byteSize(),
                values(weights.output()), kv.positionBytes(), 2L * kv.layers() * weights.config().queryWidth());
    }

    /** Positions that {@code count} rows look at, one after another from {@code position} on; each sees itself. */
    static long attended(long position, long count) {
        return count * position + count * (count + 1) / 2;
    }

    /**
     * Bytes that passes read.
     *
     * @param withLogits passes that read the output matrix too
     * @param positions of the cache that all passes together read
     */
    long bytes(int passes, int withLogits, long positions) {
        return passes * layerBytes + withLogits * outputBytes + positions * positionBytes;
    }

    /**
     * Floating-point operations, two per multiply-add.
     *
     * @param attended positions that all rows together look at
     */
    long operations(long rows, long logitRows, long attended) {
        return 2 * (rows * layerMultiplyAdds + logitRows * outputMultiplyAdds + attended * positionMultiplyAdds);
    }

    /** What products with the matrices of a model read. */
    static List<MemorySegment> data(LlamaWeights weights, PackedWeights packed) {
        return Stream.concat(weights.layers().stream().flatMap(ModelWork::matrices), Stream.of(weights.output()))
                .map(matrix -> data(matrix, packed)).toList();
    }

    private static MemorySegment data(Tensor matrix, PackedWeights packed) {
        return packed.of(matrix).map(PackedMatrix::data).orElse(matrix.data());
    }

    private static Stream<Tensor> matrices(LayerWeights layer) {
        return Stream.of(layer.query(), layer.key(), layer.value(), layer.attnOutput(), layer.gate(), layer.up(),
                layer.down());
    }

    private static long values(Tensor matrix) {
        return (long) matrix.rows() * matrix.cols();
    }
}
