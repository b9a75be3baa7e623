package io.millrace.runtime.engine;

import io.millrace.runtime.kv.KvType;

/**
 * How an engine is sized, and what it does to be fast. None of it changes what is generated, but {@code kvType}.
 *
 * @param maxNumSeqs turns that run at the same time, 1 or more
 * @param maxNumBatchedTokens rows of one forward pass, 1 or more; a longer prompt is computed in chunks
 * @param kvBytes bytes of the KV arena, off-heap, taken as they are needed
 * @param kvType how keys and values are stored
 * @param threads that compute, the engine's own included, 1 or more
 * @param prefixCaching whether sequences that begin alike share the blocks of their beginning
 * @param numSpeculativeTokens tokens that prompt lookup drafts for a sequence per step, at most; 0 for no speculation
 * @param promptLookupNgram how many last tokens prompt lookup searches for, 1 or more
 */
public record EngineOptions(int maxNumSeqs, int maxNumBatchedTokens, long kvBytes, KvType kvType, int threads,
        boolean prefixCaching, int numSpeculativeTokens, int promptLookupNgram) {
    /** Drafts do not take a step beyond so many rows of logits: where so many rows are computed they are not cheap. */
    private static final int MAX_DRAFT_LOGIT_ROWS = 64;
    private static final EngineOptions DEFAULTS = new EngineOptions(64, 256, 1L << 30, KvType.F16,
            Runtime.getRuntime().availableProcessors(), true, 0, 3);

    public EngineOptions {
        require(maxNumSeqs, 1, "maxNumSeqs");
        require(maxNumBatchedTokens, 1, "maxNumBatchedTokens");
        require(kvBytes, 1, "kvBytes");
        require(threads, 1, "threads");
        require(numSpeculativeTokens, 0, "numSpeculativeTokens");
        require(promptLookupNgram, 1, "promptLookupNgram");
    }

    /** 64 turns, 256 rows, 1 GiB of F16 cache, all processors, shared prefixes, no speculation. */
    public static EngineOptions defaults() {
        return DEFAULTS;
    }

    public EngineOptions withMaxNumSeqs(int maxNumSeqs) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, threads, prefixCaching,
                numSpeculativeTokens, promptLookupNgram);
    }

    public EngineOptions withMaxNumBatchedTokens(int maxNumBatchedTokens) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, threads, prefixCaching,
                numSpeculativeTokens, promptLookupNgram);
    }

    public EngineOptions withKvBytes(long kvBytes) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, threads, prefixCaching,
                numSpeculativeTokens, promptLookupNgram);
    }

    public EngineOptions withKvType(KvType kvType) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, threads, prefixCaching,
                numSpeculativeTokens, promptLookupNgram);
    }

    public EngineOptions withThreads(int threads) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, threads, prefixCaching,
                numSpeculativeTokens, promptLookupNgram);
    }

    public EngineOptions withPrefixCaching(boolean prefixCaching) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, threads, prefixCaching,
                numSpeculativeTokens, promptLookupNgram);
    }

    public EngineOptions withSpeculation(int numSpeculativeTokens, int promptLookupNgram) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, threads, prefixCaching,
                numSpeculativeTokens, promptLookupNgram);
    }

    PromptLookup lookup() {
        return new PromptLookup(promptLookupNgram, numSpeculativeTokens);
    }

    /** Rows of logits of one step: one per turn, and for drafts, while fewer turns run than may, the rest. */
    public int logitRows() {
        long withDrafts = Math.min((long) maxNumSeqs * (1 + numSpeculativeTokens), MAX_DRAFT_LOGIT_ROWS);
        return (int) Math.min(Math.max(maxNumSeqs, withDrafts), maxNumBatchedTokens);
    }

    private static void require(long value, int least, String field) {
        if (value < least) {
            throw new IllegalArgumentException(field + ": " + value + " is not " + least + " or more");
        }
    }
}
