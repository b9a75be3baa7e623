package io.millrace.runtime.shard;

import io.millrace.runtime.sampling.SamplingParameters;

/**
 * What it takes to draw the tokens of a sequence that has rows of logits: one after its last known token, and one after each
 * drafted token.
 */
public interface Drawing {
    SamplingParameters sampling();

    /** Alternatives to report per token, 0 for the chosen token's log-probability alone, -1 for none. */
    int topLogprobs();

    /** Tokens before the first one that the turn has generated. */
    int promptTokens();

    /** Tokens before the first drawn one. */
    int known();

    /** The known tokens and, behind them, the drafted ones; may be empty when {@link #sampling} does not read them. */
    int[] tokens();

    /** Drafted tokens. */
    int drafted();

    /** The {@code i}-th drafted token. */
    int draft(int i);
}
