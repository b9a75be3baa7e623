package io.millrace.runtime.engine;

import io.millrace.runtime.sampling.Alternative;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One step of a turn, reported once, in order.
 *
 * @param token the token that was drawn, or -1 when the turn ended without one: cancelled, past its deadline, failed, or
 *        restored when it had nothing left to generate
 * @param text text that became certain with this step: complete code points, nothing that may begin a stop string
 * @param logprob the token's logarithmic probability before temperature and truncation, NaN when not asked for
 * @param alternatives the most likely tokens, highest first, when asked for
 * @param computedPositions positions of the sequence whose KV is in the arena; they never change
 * @param finish why the turn ended, or null while it goes on
 * @param error what went wrong, with {@link FinishReason#ERROR}
 * @param timing of the turn so far
 */
public record GenerationStep(int token, String text, float logprob, List<Alternative> alternatives,
        int computedPositions, @Nullable FinishReason finish, @Nullable String error, TurnTiming timing) {}
