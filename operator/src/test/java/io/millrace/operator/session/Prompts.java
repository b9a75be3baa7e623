package io.millrace.operator.session;

import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Prompt events for tests. Log probabilities are asked for, because their token ids tell exactly what was said. */
final class Prompts {
    private Prompts() {}

    /** A turn of a conversation that says {@code text}, with 12 tokens of answer. */
    static PromptEvent.Builder turn(String id, @Nullable String conversation, String text) {
        return PromptEvent.newBuilder().setId(id).setConversationId(conversation)
                .setMessages(List.of(message("user", text))).setMaxCompletionTokens(12).setLogprobs(true);
    }

    static Message message(String role, @Nullable String content) {
        return Message.newBuilder().setRole(role).setContent(content).build();
    }

    /** A turn that says exactly {@code tokens} tokens, because no stop token can be drawn. */
    static PromptEvent.Builder longTurn(String id, @Nullable String conversation, String text, int tokens,
            List<Integer> stopTokens) {
        Map<String, Double> never = new HashMap<>();
        stopTokens.forEach(token -> never.put(token.toString(), -100.0));
        return turn(id, conversation, text).setMaxCompletionTokens(tokens).setLogitBias(never);
    }

    static SessionControl cancel(@Nullable String conversation, String requestId) {
        return new SessionControl("cancel", conversation, requestId);
    }

    static SessionControl end(String conversation) {
        return new SessionControl("end_session", conversation, null);
    }
}
