package io.millrace.runtime.engine;

import io.millrace.runtime.kv.KvType;

/**
 * How an engine is sized.
 *
 * @param maxNumSeqs turns that run at the same time, 1 or more
 * @param maxNumBatchedTokens rows of one forward pass, 1 or more; a longer prompt is computed in chunks
 * @param kvBytes bytes of the KV arena, off-heap, taken as they are needed
 * @param kvType how keys and values are stored
 * @param threads that compute, the engine's own included, 1 or more
 */
public record EngineOptions(int maxNumSeqs, int maxNumBatchedTokens, long kvBytes, KvType kvType, int threads) {
    private static final EngineOptions DEFAULTS = new EngineOptions(64, 512, 1L << 30, KvType.F16,
            Runtime.getRuntime().availableProcessors());

    public EngineOptions {
        require(maxNumSeqs >= 1, "maxNumSeqs", maxNumSeqs);
        require(maxNumBatchedTokens >= 1, "maxNumBatchedTokens", maxNumBatchedTokens);
        require(kvBytes >= 1, "kvBytes", kvBytes);
        require(threads >= 1, "threads", threads);
    }

    /** 64 turns, 512 rows, 1 GiB of F16 cache, all processors. */
    public static EngineOptions defaults() {
        return DEFAULTS;
    }

    public EngineOptions withMaxNumSeqs(int maxNumSeqs) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, threads);
    }

    public EngineOptions withMaxNumBatchedTokens(int maxNumBatchedTokens) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, threads);
    }

    public EngineOptions withKvBytes(long kvBytes) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, threads);
    }

    public EngineOptions withKvType(KvType kvType) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, threads);
    }

    public EngineOptions withThreads(int threads) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, threads);
    }

    private static void require(boolean holds, String field, long value) {
        if (!holds) {
            throw new IllegalArgumentException(field + ": " + value + " is not 1 or more");
        }
    }
}
