package io.millrace.runtime.weights;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;

/**
 * A whole file of a model while the model is being opened.
 *
 * @param tensors by name, slices of {@code bytes}
 */
record MappedFile(Path path, MemorySegment bytes, Map<String, Tensor> tensors) {

    /** Whether the tensor's bytes are in this file; those of a tensor that was converted are not. */
    boolean holds(Tensor tensor) {
        return tensor.equals(tensors.get(tensor.name()));
    }

    /** Where in the file a tensor begins that it holds. */
    long offset(Tensor tensor) {
        return tensor.data().address() - bytes.address();
    }
}
