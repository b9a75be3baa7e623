package io.millrace.runtime.engine;

import io.millrace.runtime.kv.SavedKv;
import io.millrace.runtime.sampling.SamplingParameters;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One turn of a sequence: continue {@code tokens}.
 *
 * @param id names the request in logs and errors
 * @param tokens every known token of the sequence: its history, this turn's prompt, and what this turn generated before
 *        a restore. Owned by the request; not changed afterwards
 * @param generated how many of the last tokens this turn has generated already (after a restore), else 0; they count
 *        against {@code maxNewTokens} and for stop strings, and are not reported again
 * @param sampling how tokens are drawn
 * @param maxNewTokens at most this many tokens are generated in the turn, the earlier {@code generated} included
 * @param stopTokens ids that end the turn; the stop token is reported and is part of the sequence
 * @param stop strings that end the turn; the text ends before the first of them
 * @param topLogprobs alternatives to report per token, 0 for the chosen token's alone, -1 for none
 * @param priority lower goes first; equal priorities in order of arrival
 * @param deadlineNanos {@link System#nanoTime()} after which the turn ends with {@link FinishReason#DEADLINE};
 *        {@link Long#MAX_VALUE} for none
 * @param cacheSalt blocks are shared only between turns of the same salt; empty for those without one
 * @param cached KV blocks that were saved elsewhere, or null; used when the sequence has fewer positions in the arena
 */
public record GenerationRequest(String id, int[] tokens, int generated, SamplingParameters sampling, int maxNewTokens,
        List<Integer> stopTokens, List<String> stop, int topLogprobs, int priority, long deadlineNanos,
        String cacheSalt, @Nullable SavedKv cached) {

    public GenerationRequest {
        if (tokens.length == 0 || generated < 0 || generated >= tokens.length) {
            throw new IllegalArgumentException(id + ": " + generated + " generated of " + tokens.length + " tokens");
        }
        stopTokens = List.copyOf(stopTokens);
        stop = List.copyOf(stop);
    }
}
