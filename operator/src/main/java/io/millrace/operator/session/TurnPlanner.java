package io.millrace.operator.session;

import io.millrace.operator.ModelChangePolicy;
import io.millrace.operator.OperatorSettings;
import io.millrace.runtime.prompt.BuiltInTool;
import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.runtime.prompt.ToolDefinition;
import io.millrace.runtime.tokenizer.SpecialTokens;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** What a prompt means in its conversation: the tokens it adds, and the turn they begin. */
final class TurnPlanner {
    private final ChatFormat format;
    private final SpecialTokens specials;
    private final OperatorSettings settings;
    private final SessionLimits limits;
    private final String vocabulary;
    private final String fingerprint;

    /**
     * @param vocabulary fingerprint of the model's vocabulary
     * @param fingerprint of the model's content
     */
    TurnPlanner(ChatFormat format, SpecialTokens specials, OperatorSettings settings, SessionLimits limits,
            String vocabulary, String fingerprint) {
        this.format = format;
        this.specials = specials;
        this.settings = settings;
        this.limits = limits;
        this.vocabulary = vocabulary;
        this.fingerprint = fingerprint;
    }

    /**
     * A turn that can begin.
     *
     * @param forgotten turns to forget first
     * @param tokens to append to the conversation
     * @param tools that it introduces, with the hash of what is said of them
     * @param kept what the conversation keeps of it
     * @param systemTokens that the conversation begins with
     */
    record Plan(Turn turn, List<KeptTurn> forgotten, int[] tokens, Map<String, Integer> tools, KeptTurn kept,
            int systemTokens) {}

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
        Addition added = addition(session, prompt);
        int history = session.tokens.size() + added.closing().length;
        List<KeptTurn> forgotten = limits.turnsToForget(session, prompt, history + added.messages().length, history);
        int[] tokens = added.messages();
        int historyTokens = session.sizeWithout(forgotten);
        if (forgotten.isEmpty() || !forgotten.getLast().equals(session.keptTurns.getLast())) {
            tokens = concat(added.closing(), tokens);
        }
        int promptTokens = historyTokens + tokens.length;
        limits.check(session, prompt, promptTokens, forgotten.size());
        Turn.Parameters parameters = new Turn.Parameters(prompt.sampling(),
                Math.min(prompt.maxNewTokens(), limits.maxTokens() - promptTokens), prompt.stop(), prompt.topLogprobs(),
                prompt.priority(),
                prompt.deadlineMillis() == null ? null : Deadlines.at(acceptedMillis, prompt.deadlineMillis()),
                prompt.stream(), prompt.callsTools());
        KeptTurn kept = new KeptTurn(promptTokens - added.messages().length + added.systemTokens(),
                added.toolsOfTurn());
        return new Plan(new Turn(parameters, historyTokens, promptTokens), forgotten, tokens, added.tools(), kept,
                session.tokens.size() == 0 ? added.systemTokens() : session.systemTokens);
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

    /**
     * What a prompt adds to its conversation.
     *
     * @param closing the end of the last answer, when that was cut off by its limit, a stop string or a cancellation
     * @param messages the new messages and the open header of the answer, in the first turn behind the begin of text
     * @param systemTokens how many of them no conversation forgets: of its first turn those up to its first other message
     * @param tools that are introduced, with the hash of what is said of them
     * @param toolsOfTurn those of them that a message of the turn introduces, and not the system message
     */
    private record Addition(int[] closing, int[] messages, int systemTokens, Map<String, Integer> tools,
            List<String> toolsOfTurn) {}

    private Addition addition(LiveSession session, Prompt prompt) {
        boolean first = session.tokens.size() == 0;
        Map<String, Integer> tools = new HashMap<>();
        List<String> toolsOfTurn = new ArrayList<>();
        List<ToolDefinition> newTools = new ArrayList<>();
        for (ToolDefinition tool : prompt.tools()) {
            int hash = (tool.description() + '\n' + tool.parameters()).hashCode();
            if (!Integer.valueOf(hash).equals(session.tools.get(tool.name()))) {
                newTools.add(tool);
                tools.put(tool.name(), hash);
                toolsOfTurn.add(tool.name());
            }
        }
        Set<BuiltInTool> newBuiltIn = EnumSet.noneOf(BuiltInTool.class);
        for (BuiltInTool tool : prompt.builtInTools()) {
            if (!session.tools.containsKey(tool.toolName())) {
                newBuiltIn.add(tool);
                tools.put(tool.toolName(), 0);
                if (!first) {
                    toolsOfTurn.add(tool.toolName());
                }
            }
        }
        int[] start = first ? format.encodeConversationStart() : new int[0];
        try {
            int[] messages = concat(start, format.encode(prompt.messages(), newTools, newBuiltIn),
                    format.openAssistant());
            List<Message> system = prompt.messages().stream().takeWhile(message -> message.role() == Role.SYSTEM)
                    .toList();
            int systemTokens = first ? start.length + format.encode(system, List.of(), newBuiltIn).length : 0;
            return new Addition(closing(session), messages, systemTokens, tools, toolsOfTurn);
        } catch (IllegalArgumentException e) {
            throw new RejectedPromptException("invalid_request", String.valueOf(e.getMessage()));
        }
    }

    private int[] closing(LiveSession session) {
        if (session.tokens.size() == 0) {
            return new int[0];
        }
        int last = session.tokens.last();
        boolean complete = last == specials.endOfTurn() || last == specials.endOfMessage()
                || last == specials.beginOfText();
        return complete ? new int[0] : new int[]{specials.endOfTurn()};
    }

    private static int[] concat(int[]... parts) {
        return Stream.of(parts).flatMapToInt(IntStream::of).toArray();
    }
}
