package io.millrace.runtime.weights;

import java.util.Arrays;
import java.util.Optional;

/**
 * How a tensor's numbers are stored: blocks of {@link #blockSize()} consecutive values of a row in {@link #blockBytes()}
 * bytes. Layouts are those of ggml ({@code ggml-common.h}), little-endian.
 */
public enum TensorType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    BF16(30, 1, 2),
    Q8_0(8, 32, 34),
    Q4_0(2, 32, 18),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210);

    private final int ggmlId;
    private final int blockSize;
    private final int blockBytes;

    TensorType(int ggmlId, int blockSize, int blockBytes) {
        this.ggmlId = ggmlId;
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
    }

    /** The type of a number in a GGUF tensor table; empty for one that this runtime cannot read. */
    public static Optional<TensorType> ofGgmlId(int ggmlId) {
        return Arrays.stream(values()).filter(type -> type.ggmlId == ggmlId).findFirst();
    }

    /** The type's number in a GGUF tensor table. */
    public int ggmlId() {
        return ggmlId;
    }

    /** Values per block. */
    public int blockSize() {
        return blockSize;
    }

    /** Bytes per block. */
    public int blockBytes() {
        return blockBytes;
    }

    /** Bytes of one row of {@code cols} values; {@code cols} is a multiple of {@link #blockSize()}. */
    public long rowBytes(int cols) {
        return (long) (cols / blockSize) * blockBytes;
    }
}
