package io.millrace.runtime.shard;

import io.millrace.runtime.sampling.Alternative;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What was drawn from a row of logits. Written by who draws, before anybody reads it. */
public final class Draw {
    int token;
    float logprob;
    List<Alternative> alternatives = List.of();
    @Nullable
    RuntimeException failure;

    Draw() {}

    /** The token; undefined after a failure. */
    public int token() {
        return token;
    }

    /** Its natural-log probability, NaN when not asked for. */
    public float logprob() {
        return logprob;
    }

    /** The most likely tokens, highest first, when asked for. */
    public List<Alternative> alternatives() {
        return alternatives;
    }

    /** Why nothing could be drawn, or null. */
    public @Nullable RuntimeException failure() {
        return failure;
    }
}
