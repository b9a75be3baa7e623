package io.millrace.job.plan;

import io.millrace.runtime.weights.LlamaConfig;

/** How many bytes the shards of a pipeline send each other: micro-batches of rows forth, drawn tokens back. */
final class WireFormat {
    /** Of a sequence in a micro-batch, beside its rows: its position, sampling parameters, new blocks. */
    static final long SEQUENCE_BYTES = 60;
    /** Of a drawn token on its way back to the first shard. */
    static final long TOKEN_BYTES = 30;

    private WireFormat() {}

    /** Bytes of a micro-batch from one shard to the next. */
    static long microBatchBytes(LlamaConfig config, ActivationType type, long sequences, long rows) {
        return rows * config.hidden() * type.bytes() + sequences * SEQUENCE_BYTES;
    }

    /** Bytes that all shards of a pipeline together send for one generated token: a row on each edge, and the token back. */
    static long bytesPerToken(LlamaConfig config, ActivationType type, int shards) {
        return shards == 1 ? 0 : (shards - 1) * microBatchBytes(config, type, 1, 1) + TOKEN_BYTES;
    }
}
