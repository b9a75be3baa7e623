package io.millrace.job.bench;

import io.millrace.runtime.weights.LayerWeights;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.Tensor;
import java.util.List;
import java.util.stream.Stream;

/**
 * What the matrices of a model cost. Attention, norms and the lookup of embeddings are left out: attention grows with the
 * context, the others are thousands of times less.
 *
 * @param layerBytes bytes of the matrices of all layers, which each forward pass reads
 * @param layerMultiplyAdds multiply-adds of a row in them
 * @param outputBytes bytes of the output matrix, which a pass with rows of logits reads
 * @param outputMultiplyAdds multiply-adds of a row of logits
 */
record ModelWork(long layerBytes, long layerMultiplyAdds, long outputBytes, long outputMultiplyAdds) {

    static ModelWork of(LlamaWeights weights) {
        List<Tensor> matrices = weights.layers().stream().flatMap(ModelWork::matrices).toList();
        return new ModelWork(matrices.stream().mapToLong(matrix -> matrix.data().byteSize()).sum(),
                matrices.stream().mapToLong(ModelWork::values).sum(), weights.output().data().byteSize(),
                values(weights.output()));
    }

    /** Bytes of weights that passes read, {@code withLogits} of them for logits too. */
    long bytes(int passes, int withLogits) {
        return passes * layerBytes + withLogits * outputBytes;
    }

    /** Floating-point operations, two per multiply-add. */
    long operations(long rows, long logitRows) {
        return 2 * (rows * layerMultiplyAdds + logitRows * outputMultiplyAdds);
    }

    private static Stream<Tensor> matrices(LayerWeights layer) {
        return Stream.of(layer.query(), layer.key(), layer.value(), layer.attnOutput(), layer.gate(), layer.up(),
                layer.down());
    }

    private static long values(Tensor matrix) {
        return (long) matrix.rows() * matrix.cols();
    }
}
