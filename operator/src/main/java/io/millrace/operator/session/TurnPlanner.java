package io.millrace.operator.session;

import io.millrace.operator.ModelChangePolicy;
import io.millrace.operator.OperatorSettings;
import io.millrace.runtime.prompt.BuiltInTool;
import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.prompt.ToolDefinition;
import io.millrace.runtime.tokenizer.SpecialTokens;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/** What a prompt means in its conversation: the tokens it adds, and the turn they begin. */
final class TurnPlanner {
    private final ChatFormat format;
    private final SpecialTokens specials;
    private final OperatorSettings settings;
    private final int contextLength;
    private final String vocabulary;
    private final String fingerprint;

    /**
     * @param contextLength tokens that a sequence may have
     * @param vocabulary fingerprint of the model's vocabulary
     * @param fingerprint of the model's content
     */
    TurnPlanner(ChatFormat format, SpecialTokens specials, OperatorSettings settings, int contextLength,
            String vocabulary, String fingerprint) {
        this.format = format;
        this.specials = specials;
        this.settings = settings;
        this.contextLength = contextLength;
        this.vocabulary = vocabulary;
        this.fingerprint = fingerprint;
    }

    /**
     * A turn that can begin.
     *
     * @param tokens to append to the conversation
     * @param tools that it introduces, with the hash of what is said of them
     */
    record Plan(Turn turn, int[] tokens, Map<String, Integer> tools) {}

    /**
     * Plans the next turn of a session; changes nothing.
     *
     * @param acceptedMillis when the prompt was accepted, from which its deadline counts
     * @throws RejectedPromptException when the prompt does not fit the conversation or the context
     */
    Plan plan(LiveSession session, Prompt prompt, long acceptedMillis) {
        checkModel(session);
        int turnNumber = session.turns + 1;
        if (prompt.turn() != null && prompt.turn() != turnNumber) {
            throw new RejectedPromptException("turn_mismatch",
                    "turn: " + prompt.turn() + ", but the conversation's next turn is " + turnNumber);
        }
        Map<String, Integer> introduced = new HashMap<>();
        int[] tokens = tokens(session, prompt, introduced);
        int promptTokens = session.tokens.size() + tokens.length;
        checkLength(promptTokens);
        Turn.Parameters parameters = new Turn.Parameters(prompt.sampling(),
                Math.min(prompt.maxNewTokens(), contextLength - promptTokens), prompt.stop(), prompt.topLogprobs(),
                prompt.priority(),
                prompt.deadlineMillis() == null ? null : saturatedSum(acceptedMillis, prompt.deadlineMillis()),
                prompt.stream(), prompt.callsTools());
        return new Plan(new Turn(parameters, session.tokens.size(), promptTokens), tokens, introduced);
    }

    /**
     * Token ids of another vocabulary mean nothing to this model, and those of another model are computed again only when that
     * is permitted. The session stays as it is in both cases.
     */
    void checkModel(LiveSession session) {
        if (session.tokens.size() == 0) {
            return;
        }
        if (!session.vocabulary.equals(vocabulary)) {
            throw new RejectedPromptException("vocabulary_changed",
                    "conversation_id: the conversation was held with a model of another vocabulary; end the session or"
                            + " begin another conversation");
        }
        if (settings.onModelChange() == ModelChangePolicy.REFUSE && !session.modelFingerprint.isEmpty()
                && !session.modelFingerprint.equals(fingerprint)) {
            throw new RejectedPromptException("model_changed", RestoredModel.changed(settings.model(), fingerprint,
                    "the history of this conversation", session.modelFingerprint) + "; begin another conversation, or "
                    + RestoredModel.remedy());
        }
    }

    private void checkLength(int promptTokens) {
        if (promptTokens >= contextLength) {
            throw new RejectedPromptException("context_length_exceeded", "messages: history and new messages are "
                    + promptTokens + " tokens, which leave no room for an answer in the context of " + contextLength
                    + "; shorten them or begin another conversation");
        }
        if (settings.maxPromptTokens() > 0 && promptTokens > settings.maxPromptTokens()) {
            throw new RejectedPromptException("prompt_too_long",
                    "messages: history and new messages are " + promptTokens
                            + " tokens, more than millrace.session.max-prompt-tokens, " + settings.maxPromptTokens());
        }
    }

    private int[] tokens(LiveSession session, Prompt prompt, Map<String, Integer> introduced) {
        IntStream.Builder tokens = IntStream.builder();
        if (session.tokens.size() == 0) {
            addAll(tokens, format.encodeConversationStart());
        } else if (!endsMessage(session.tokens.last())) {
            // The last answer was cut off, by its limit, a stop string or a cancellation: its message ends here.
            tokens.add(specials.endOfTurn());
        }
        List<ToolDefinition> newTools = new ArrayList<>();
        for (ToolDefinition tool : prompt.tools()) {
            int hash = (tool.description() + '\n' + tool.parameters()).hashCode();
            if (!Integer.valueOf(hash).equals(session.tools.get(tool.name()))) {
                newTools.add(tool);
                introduced.put(tool.name(), hash);
            }
        }
        Set<BuiltInTool> newBuiltIn = EnumSet.noneOf(BuiltInTool.class);
        for (BuiltInTool tool : prompt.builtInTools()) {
            if (!session.tools.containsKey(tool.toolName())) {
                newBuiltIn.add(tool);
                introduced.put(tool.toolName(), 0);
            }
        }
        try {
            addAll(tokens, format.encode(prompt.messages(), newTools, newBuiltIn));
        } catch (IllegalArgumentException e) {
            throw new RejectedPromptException("invalid_request", String.valueOf(e.getMessage()));
        }
        addAll(tokens, format.openAssistant());
        return tokens.build().toArray();
    }

    private boolean endsMessage(int token) {
        return token == specials.endOfTurn() || token == specials.endOfMessage();
    }

    private static void addAll(IntStream.Builder tokens, int[] more) {
        for (int token : more) {
            tokens.add(token);
        }
    }

    private static long saturatedSum(long a, long b) {
        long sum = a + b;
        return sum < 0 ? Long.MAX_VALUE : sum;
    }
}
