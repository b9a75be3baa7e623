package io.millrace.runtime.weights;

import java.lang.foreign.MemorySegment;

/**
 * A matrix of weights in file layout: {@code rows} rows (outputs) of {@code cols} values (inputs), row after row. A vector
 * is a matrix of one row. Row {@code r} starts at byte {@code r * type.rowBytes(cols)} of {@code data}, which holds exactly
 * the tensor; its lifetime is that of the {@link LlamaWeights} it came from.
 */
public record Tensor(String name, TensorType type, int rows, int cols, MemorySegment data) {

    public Tensor {
        if (rows <= 0 || cols <= 0 || cols % type.blockSize() != 0) {
            throw new IllegalArgumentException(
                    name + ": " + rows + " x " + cols + " is no shape for blocks of " + type.blockSize());
        }
        if (data.byteSize() != rows * type.rowBytes(cols)) {
            throw new IllegalArgumentException(name + ": " + data.byteSize() + " bytes for " + rows + " x " + cols + " "
                    + type + ", expected " + rows * type.rowBytes(cols));
        }
    }

    /** Byte offset of a row in {@link #data()}. */
    public long rowOffset(int row) {
        return row * type.rowBytes(cols);
    }
}
