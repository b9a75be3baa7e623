package io.millrace.operator.session;

import io.millrace.operator.OperatorSettings;
import io.millrace.operator.OverflowPolicy;
import io.millrace.runtime.sampling.SamplingParameters;
import io.millrace.schemas.FunctionDefinition;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.Tool;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The border: a prompt event becomes a typed {@link Prompt}, or is rejected with a message that names the field. Looks at
 * the event alone; what depends on the conversation is {@link TurnPlanner}'s.
 */
final class PromptValidator {
    private static final int MAX_ID_CHARS = 512;
    private static final int MAX_STOP_STRINGS = 16;
    private static final int MAX_STOP_CHARS = 1024;
    private static final int MAX_TOP_LOGPROBS = 20;

    private final OperatorSettings settings;
    private final int vocabularySize;

    PromptValidator(OperatorSettings settings, int vocabularySize) {
        this.settings = settings;
        this.vocabularySize = vocabularySize;
    }

    /**
     * Checks an event.
     *
     * @throws RejectedPromptException when it cannot be a request
     */
    Prompt validate(PromptEvent event) {
        checkIds(event);
        checkSize(event);
        checkUnsupported(event);
        try {
            List<Tool> tools = orEmpty(event.getTools());
            return new Prompt(event.getId(), event.getTurn(), EventMessages.messages(orEmpty(event.getMessages())),
                    EventMessages.definitions(tools), EventMessages.builtIn(tools),
                    !"none".equals(event.getToolChoice()), sampling(event), maxNewTokens(event), stop(event),
                    topLogprobs(event), event.getPriority() == null ? 0 : event.getPriority(), event.getDeadlineMs(),
                    event.getStream() == null ? settings.stream() : event.getStream(), overflow(event));
        } catch (IllegalArgumentException e) {
            // The runtime's own types check their values, and name the field as events do.
            throw invalid(String.valueOf(e.getMessage()));
        }
    }

    private static void checkIds(PromptEvent event) {
        if (event.getId() == null || event.getId().isBlank()) {
            throw invalid("id: missing; every request needs an id of its own");
        }
        require(event.getId().length() <= MAX_ID_CHARS, "id: longer than " + MAX_ID_CHARS + " characters");
        String conversation = event.getConversationId();
        require(conversation == null || !conversation.isBlank(),
                "conversation_id: blank; leave it out for a stateless request");
        require(conversation == null || conversation.length() <= MAX_ID_CHARS,
                "conversation_id: longer than " + MAX_ID_CHARS + " characters");
        require(event.getCacheSalt() == null || event.getCacheSalt().length() <= MAX_ID_CHARS,
                "cache_salt: longer than " + MAX_ID_CHARS + " characters");
        require(event.getTurn() == null || event.getTurn() >= 1,
                "turn: " + event.getTurn() + " is not 1 or more; turns are numbered from 1");
        require(event.getDeadlineMs() == null || event.getDeadlineMs() >= 1,
                "deadline_ms: " + event.getDeadlineMs() + " is not 1 or more");
    }

    private void checkSize(PromptEvent event) {
        long bytes = 0;
        for (var message : orEmpty(event.getMessages())) {
            bytes += size(message.getContent());
            for (var call : orEmpty(message.getToolCalls())) {
                bytes += size(call.getFunction().getName()) + size(call.getFunction().getArguments());
            }
        }
        for (Tool tool : orEmpty(event.getTools())) {
            FunctionDefinition function = tool.getFunction();
            bytes += function == null ? 0 : size(function.getDescription()) + size(function.getParameters());
        }
        if (bytes > settings.maxEventBytes()) {
            throw new RejectedPromptException("event_too_large", "messages: " + bytes + " bytes of text, more than "
                    + settings.maxEventBytes() + "; shorten them or raise millrace.session.max-event-size");
        }
    }

    private static int size(@Nullable String text) {
        return text == null ? 0 : text.getBytes(StandardCharsets.UTF_8).length;
    }

    private static void checkUnsupported(PromptEvent event) {
        supported(event.getN() == null || event.getN() == 1, "n: " + event.getN() + "; 1 is the only one supported");
        supported(event.getResponseFormat() == null || "text".equals(event.getResponseFormat().getType()),
                "response_format: only type text is supported");
        supported(event.getToolChoice() == null || Set.of("auto", "none").contains(event.getToolChoice()),
                "tool_choice: only auto and none are supported");
    }

    private OverflowPolicy overflow(PromptEvent event) {
        return switch (event.getContextOverflowAction()) {
            case null -> settings.overflow();
            case "error", "reject" -> OverflowPolicy.REJECT;
            case "drop-oldest-turns" -> OverflowPolicy.DROP_OLDEST_TURNS;
            default -> throw new RejectedPromptException("unsupported_parameter", "context_overflow_action: "
                    + event.getContextOverflowAction() + "; only error and drop-oldest-turns are supported");
        };
    }

    private SamplingParameters sampling(PromptEvent event) {
        return new SamplingParameters(orDefault(event.getTemperature(), settings.temperature()),
                event.getTopK() == null ? settings.topK() : event.getTopK(),
                orDefault(event.getTopP(), settings.topP()),
                orDefault(event.getMinP(), settings.minP()), orDefault(event.getRepetitionPenalty(), 1),
                orDefault(event.getPresencePenalty(), 0), orDefault(event.getFrequencyPenalty(), 0), logitBias(event),
                event.getSeed() == null ? seedOf(event.getId()) : event.getSeed());
    }

    private Map<Integer, Float> logitBias(PromptEvent event) {
        Map<Integer, Float> biases = new HashMap<>();
        Map<String, Double> given = event.getLogitBias() == null ? Map.of() : event.getLogitBias();
        given.forEach((token, bias) -> {
            require(token.matches("\\d{1,9}") && Integer.parseInt(token) < vocabularySize,
                    "logit_bias: '" + token + "' is no token id from 0 to " + (vocabularySize - 1));
            biases.put(Integer.valueOf(token), bias.floatValue());
        });
        return biases;
    }

    /** FNV-1a over the id: a request that is repeated draws the same tokens. */
    static long seedOf(String id) {
        long hash = 0xcbf29ce484222325L;
        for (byte b : id.getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
        }
        return hash;
    }

    private int maxNewTokens(PromptEvent event) {
        Integer given = event.getMaxCompletionTokens();
        require(given == null || given >= 1, "max_completion_tokens: " + given + " is not 1 or more");
        return given == null ? settings.maxCompletionTokens() : given;
    }

    private static List<String> stop(PromptEvent event) {
        List<String> stop = orEmpty(event.getStop());
        require(stop.size() <= MAX_STOP_STRINGS, "stop: " + stop.size() + " strings, more than " + MAX_STOP_STRINGS);
        for (int i = 0; i < stop.size(); i++) {
            require(!stop.get(i).isEmpty(), "stop[" + i + "]: empty");
            require(stop.get(i).length() <= MAX_STOP_CHARS,
                    "stop[" + i + "]: longer than " + MAX_STOP_CHARS + " characters");
        }
        return stop;
    }

    private static int topLogprobs(PromptEvent event) {
        boolean wanted = Boolean.TRUE.equals(event.getLogprobs());
        Integer top = event.getTopLogprobs();
        require(top == null || (top >= 0 && top <= MAX_TOP_LOGPROBS),
                "top_logprobs: " + top + " is not between 0 and " + MAX_TOP_LOGPROBS);
        require(top == null || top == 0 || wanted, "top_logprobs: needs logprobs to be true");
        return !wanted ? -1 : top == null ? 0 : top;
    }

    private static float orDefault(@Nullable Double value, float otherwise) {
        return value == null ? otherwise : value.floatValue();
    }

    private static <T> List<T> orEmpty(@Nullable List<T> list) {
        return list == null ? List.of() : list;
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw invalid(message);
        }
    }

    private static void supported(boolean holds, String message) {
        if (!holds) {
            throw new RejectedPromptException("unsupported_parameter", message);
        }
    }

    private static RejectedPromptException invalid(String message) {
        return new RejectedPromptException("invalid_request", message);
    }
}
