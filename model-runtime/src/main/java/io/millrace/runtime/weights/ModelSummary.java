package io.millrace.runtime.weights;

import java.util.ArrayList;
import java.util.List;

/**
 * What a model consists of.
 *
 * @param parameters values of all tensors; a tied output matrix counts once
 * @param bytes bytes of all tensors
 * @param types the types that occur, in the order of {@link TensorType}
 */
public record ModelSummary(long parameters, long bytes, List<TypeShare> types) {

    /** The tensors of one type. */
    public record TypeShare(TensorType type, int tensors, long parameters, long bytes) {}

    /** Counts the tensors of a model. */
    public static ModelSummary of(LlamaWeights weights) {
        List<TypeShare> types = new ArrayList<>();
        for (TensorType type : TensorType.values()) {
            List<Tensor> tensors = weights.tensors().stream().filter(tensor -> tensor.type() == type).toList();
            if (!tensors.isEmpty()) {
                types.add(new TypeShare(type, tensors.size(),
                        tensors.stream().mapToLong(tensor -> (long) tensor.rows() * tensor.cols()).sum(),
                        tensors.stream().mapToLong(tensor -> tensor.data().byteSize()).sum()));
            }
        }
        return new ModelSummary(types.stream().mapToLong(TypeShare::parameters).sum(), weights.bytes(),
                List.copyOf(types));
    }
}
