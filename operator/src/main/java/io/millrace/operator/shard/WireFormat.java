package io.millrace.operator.shard;

/**
 * How many bytes the shards of a pipeline send each other when sessions decode: micro-batches of rows forth, drawn tokens back.
 * That is for names of {@value #NAME_CHARACTERS} ASCII characters and sampling without penalties, drafts and log probabilities; new
 * blocks, of which a sequence gets one in many steps, and what Flink writes around a record are not counted.
 */
public final class WireFormat {
    static final int NAME_CHARACTERS = 20;
    /** Of a micro-batch, beside its parts: a name, its number, counts. */
    private static final int MICRO_BATCH_BYTES = 50;
    /** Of a sequence in a micro-batch, beside its rows: its name, position, block table's length, how it draws. */
    private static final int SEQUENCE_BYTES = 110;
    /** Of what comes back for a micro-batch, beside its tokens. */
    private static final int DRAWN_BYTES = 42;
    /** Of a sequence's drawn token on its way back to the first shard. */
    private static final int TOKEN_BYTES = 21;

    private WireFormat() {}

    /**
     * Bytes of a micro-batch from one shard to the next. Averages may be given.
     *
     * @param hidden values of a row
     * @param sequences that draw
     */
    public static double microBatchBytes(int hidden, ActivationType type, double sequences, double rows) {
        return MICRO_BATCH_BYTES + sequences * SEQUENCE_BYTES + rows * hidden * type.bytes();
    }

    /** Bytes of what comes back for a micro-batch, with a token for each of its sequences. */
    public static double drawnBytes(double tokens) {
        return DRAWN_BYTES + tokens * TOKEN_BYTES;
    }

    /**
     * Bytes that all shards of a pipeline together send for one generated token: a row on each edge, and the token back.
     *
     * @param rows of a micro-batch, one per sequence
     */
    public static double bytesPerToken(int hidden, ActivationType type, int shards, double rows) {
        return shards == 1
                ? 0
                : ((shards - 1) * microBatchBytes(hidden, type, rows, rows) + drawnBytes(rows)) / rows;
    }
}
