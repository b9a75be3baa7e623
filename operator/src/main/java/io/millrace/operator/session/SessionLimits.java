package io.millrace.operator.session;

import io.millrace.operator.MillraceOptions;
import io.millrace.operator.OperatorSettings;
import io.millrace.operator.OverflowPolicy;
import java.util.ArrayList;
import java.util.List;

/** How long a conversation may be, and what is forgotten of one that would be longer. */
final class SessionLimits {
    private final int maxTurns;
    private final int maxPromptTokens;
    private final int maxTokens;
    /** What {@link #maxTokens} comes from, for messages. */
    private final String limit;
    private final String code;

    /**
     * @param modelContext positions of the model's context
     * @param kvPositions positions that the KV memory holds
     */
    SessionLimits(OperatorSettings settings, int modelContext, long kvPositions) {
        this.maxTurns = settings.maxTurns();
        this.maxPromptTokens = settings.maxPromptTokens();
        int context = (int) Math.min(modelContext, kvPositions);
        boolean own = settings.maxTokens() > 0 && settings.maxTokens() < context;
        this.maxTokens = own ? settings.maxTokens() : context;
        this.code = own ? "session_tokens_exceeded" : "context_length_exceeded";
        this.limit = own
                ? MillraceOptions.MAX_TOKENS.key() + ", " + maxTokens
                : kvPositions < modelContext
                        ? "the " + context + " positions that " + MillraceOptions.KV_MEMORY.key() + " holds"
                        : "the context of " + context;
    }

    /** Tokens that a conversation may have, its answer included. */
    int maxTokens() {
        return maxTokens;
    }

    /**
     * The turns to forget so that the prompt fits, oldest first; none when it fits or cannot be made to fit, which {@link #check}
     * tells. The tokens are exceeded when the answer would not have the room that it asks for, or a quarter of the limit; then
     * a quarter is freed, so that not every further turn forgets something and computes the rest again.
     *
     * @param promptTokens of history and new messages
     * @param historyTokens of the history, with the token that ends its last answer
     */
    List<KeptTurn> turnsToForget(LiveSession session, Prompt prompt, int promptTokens, int historyTokens) {
        List<KeptTurn> forgotten = new ArrayList<>();
        if (prompt.overflow() == OverflowPolicy.REJECT || !session.tellsTurnsApart()) {
            return forgotten;
        }
        int room = maxTokens / 4;
        int excess = promptTokens > maxTokens - Math.min(prompt.maxNewTokens(), room)
                ? promptTokens - (maxTokens - room)
                : 0;
        if (maxPromptTokens > 0) {
            excess = Math.max(excess, promptTokens - maxPromptTokens);
        }
        int turns = session.keptTurns.size() + 1;
        for (int i = 0; i < session.keptTurns.size() && (excess > 0 || (maxTurns > 0 && turns > maxTurns)); i++) {
            KeptTurn turn = session.keptTurns.get(i);
            if (turn.tools().isEmpty()) {
                int end = i + 1 < session.keptTurns.size() ? session.keptTurns.get(i + 1).start() : historyTokens;
                excess -= end - turn.start();
                turns--;
                forgotten.add(turn);
            }
        }
        return forgotten;
    }

    /**
     * Checks what the prompt makes of its conversation.
     *
     * @param promptTokens of new messages and of the history without what is forgotten
     * @throws RejectedPromptException that names the limit and the remedy
     */
    void check(LiveSession session, Prompt prompt, int promptTokens, int forgottenTurns) {
        boolean drops = prompt.overflow() == OverflowPolicy.DROP_OLDEST_TURNS && session.tellsTurnsApart();
        int turns = 1 + (drops ? session.keptTurns.size() - forgottenTurns : session.turns);
        if (maxTurns > 0 && turns > maxTurns) {
            throw new RejectedPromptException("session_turns_exceeded", "conversation_id: this would be turn " + turns
                    + (drops ? " that is kept" : "") + ", more than " + MillraceOptions.MAX_TURNS.key() + ", "
                    + maxTurns
                    + remedy(session, prompt));
        }
        if (promptTokens >= maxTokens) {
            throw new RejectedPromptException(code, "messages: history and new messages are " + promptTokens
                    + " tokens, which leave no room for an answer in " + limit + remedy(session, prompt));
        }
        if (maxPromptTokens > 0 && promptTokens > maxPromptTokens) {
            throw new RejectedPromptException("prompt_too_long",
                    "messages: history and new messages are " + promptTokens
                            + " tokens, more than " + MillraceOptions.MAX_PROMPT_TOKENS.key() + ", " + maxPromptTokens
                            + remedy(session, prompt));
        }
    }

    private static String remedy(LiveSession session, Prompt prompt) {
        if (session.tokens.size() == 0) {
            return "; shorten them, or raise a limit that is a setting";
        }
        if (prompt.overflow() == OverflowPolicy.REJECT) {
            return "; begin another conversation, or set context_overflow_action or " + MillraceOptions.OVERFLOW.key()
                    + " to " + OverflowPolicy.DROP_OLDEST_TURNS;
        }
        return session.tellsTurnsApart()
                ? "; nothing more can be dropped: begin another conversation"
                : "; the conversation is of an older build, which did not tell its turns apart: begin another one";
    }
}
