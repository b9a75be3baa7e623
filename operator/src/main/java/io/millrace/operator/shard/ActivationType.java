package io.millrace.operator.shard;

/** How the residual stream travels between shards. */
public enum ActivationType {
    /** As it is computed. */
    F32(Float.BYTES),
    /** Half the bytes; rounds, so answers are other ones than those of the unsharded model. */
    BF16(Short.BYTES);

    private final int bytes;

    ActivationType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of a value. */
    public int bytes() {
        return bytes;
    }
}
