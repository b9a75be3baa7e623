package io.millrace.job.plan;

import io.millrace.runtime.weights.LlamaConfig;

/**
 * How many bytes the shards of a pipeline send each other: micro-batches of rows forth, drawn tokens back. Conversations have
 * names of about 20 characters here.
 */
final class WireFormat {
    /** Of a micro-batch, beside its parts: its number, a key, counts. */
    static final int MICRO_BATCH_BYTES = 50;
    /** Of a sequence in a micro-batch, beside its rows: its name, position, sampling parameters, new blocks. */
    static final int SEQUENCE_BYTES = 110;
    /** Of what comes back for a micro-batch, beside its tokens. */
    static final int DRAWN_BYTES = 42;
    /** Of a drawn token on its way back to the first shard. */
    static final int TOKEN_BYTES = 21;

    private WireFormat() {}

    /** Bytes of a micro-batch from one shard to the next. */
    static double microBatchBytes(LlamaConfig config, ActivationType type, double sequences, double rows) {
        return MICRO_BATCH_BYTES + sequences * SEQUENCE_BYTES + rows * config.hidden() * type.bytes();
    }

    /** Bytes of what comes back for a micro-batch. */
    static double drawnBytes(double tokens) {
        return DRAWN_BYTES + tokens * TOKEN_BYTES;
    }

    /**
     * Bytes that all shards of a pipeline together send for one generated token: a row on each edge, and the token back.
     *
     * @param rows of a micro-batch, one per sequence
     */
    static double bytesPerToken(LlamaConfig config, ActivationType type, int shards, double rows) {
        return shards == 1
                ? 0
                : ((shards - 1) * microBatchBytes(config, type, rows, rows) + drawnBytes(rows)) / rows;
    }
}
