package io.millrace.runtime.engine;

/**
 * What a turn cost so far.
 *
 * @param cachedTokens prompt positions that were not computed in this turn
 * @param computedTokens prompt positions that were; recomputation after a preemption counts again
 * @param foundPositions positions, also of tokens that it generated before a restore, that were there when it was first
 *        scheduled; 0 until then
 * @param queuedNanos from submission to the start of the first step that computed a position of it; until then, so far
 * @param firstTokenNanos from submission to the first token; 0 until then
 * @param elapsedNanos from submission to this step
 * @param preemptions times that its blocks were taken and its positions computed again
 */
public record TurnTiming(int cachedTokens, int computedTokens, int foundPositions, long queuedNanos,
        long firstTokenNanos,
        long elapsedNanos, int preemptions) {}
