package io.millrace.job.plan;

import io.millrace.runtime.packing.PackedLayout;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;

/** The size of a matrix of weights: {@code rows} outputs of {@code cols} inputs, as {@link Tensor} has them. */
record WeightMatrix(TensorType type, int rows, int cols) {

    static WeightMatrix of(Tensor tensor) {
        return new WeightMatrix(tensor.type(), tensor.rows(), tensor.cols());
    }

    /** Bytes in the model's file. */
    long fileBytes() {
        return rows * type.rowBytes(cols);
    }

    /** Whether products read a packed form of it, beside which the file's is not needed. */
    boolean isPacked() {
        return PackedLayout.packs(type);
    }

    /** Bytes that a product reads: those of the packed form where it has one. */
    long productBytes() {
        return isPacked() ? PackedLayout.of(type).bytes(rows, cols) : fileBytes();
    }

    /** Multiply-adds of a product with one row. */
    long multiplyAdds() {
        return (long) rows * cols;
    }
}
