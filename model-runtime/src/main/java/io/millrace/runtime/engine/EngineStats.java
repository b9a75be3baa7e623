package io.millrace.runtime.engine;

/**
 * What an engine does and has done, as of its last step.
 *
 * @param running turns that take part in steps
 * @param waiting turns that wait for blocks or for their turn, preempted ones included
 * @param blocksUsed blocks of the arena that hold positions, of running and idle sequences
 * @param blocksTotal blocks of the arena
 * @param steps forward passes since the start
 * @param computedTokens positions computed since the start, recomputation included
 * @param cachedTokens positions that turns found in the arena or imported instead of computing them
 * @param preemptions times that a turn's blocks were taken
 * @param prefixCacheQueries positions that turns were admitted with and that were not their sequence's own
 * @param prefixCacheHits how many of them were taken from blocks that another sequence had computed, or this one earlier
 * @param draftedTokens tokens that speculation proposed
 * @param acceptedTokens how many of them were drawn
 * @param microBatches steps that are under way through other shards
 */
public record EngineStats(int running, int waiting, int blocksUsed, int blocksTotal, long steps, long computedTokens,
        long cachedTokens, long preemptions, long prefixCacheQueries, long prefixCacheHits, long draftedTokens,
        long acceptedTokens, int microBatches) {}
