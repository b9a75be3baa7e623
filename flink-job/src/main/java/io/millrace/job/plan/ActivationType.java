package io.millrace.job.plan;

/** How the residual stream travels from shard to shard. */
public enum ActivationType {
    /** As it is computed: a sharded model gives the bits of the whole one. */
    F32(4),
    /** Half as many bytes, which changes the bits. */
    BF16(2);

    private final int bytes;

    ActivationType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes per value. */
    int bytes() {
        return bytes;
    }
}
