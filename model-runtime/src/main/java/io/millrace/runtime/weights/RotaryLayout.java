package io.millrace.runtime.weights;

/** Which two values of a head rotate together; it says how the rows of the query and key matrices are ordered. */
public enum RotaryLayout {
    /** Neighbours, {@code (2i, 2i + 1)}: GGUF. */
    INTERLEAVED,
    /** {@code (i, i + headDim / 2)}: Hugging Face. */
    HALVES
}
