package io.millrace.operator.session;

import static io.millrace.operator.session.Prompts.message;
import static io.millrace.operator.session.Prompts.turn;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.operator.MillraceOptions;
import io.millrace.operator.OperatorSettings;
import io.millrace.runtime.prompt.BuiltInTool;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.runtime.prompt.ToolCall;
import io.millrace.runtime.prompt.ToolDefinition;
import io.millrace.schemas.FunctionCall;
import io.millrace.schemas.FunctionDefinition;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.ResponseFormat;
import io.millrace.schemas.Tool;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PromptValidatorTest {
    private static final int VOCABULARY = 1000;

    private final PromptValidator validator = new PromptValidator(settings(), VOCABULARY);

    private static OperatorSettings settings() {
        Configuration config = new Configuration();
        config.set(MillraceOptions.MODEL, "m.gguf");
        config.set(MillraceOptions.MAX_EVENT_SIZE, MemorySize.parse("1 kb"));
        return OperatorSettings.of(config);
    }

    private static PromptEvent.Builder valid() {
        return turn("r1", "chat", "Hello.");
    }

    private static Arguments rule(String code, String message, Consumer<PromptEvent.Builder> change) {
        return Arguments.of(code, message, change);
    }

    static Stream<Arguments> rules() {
        io.millrace.schemas.ToolCall call = new io.millrace.schemas.ToolCall("1", "function",
                new FunctionCall("f", "{}"));
        io.millrace.schemas.ToolCall badCall = new io.millrace.schemas.ToolCall("1", "function",
                new FunctionCall("f", "not json"));
        return Stream.of(rule("invalid_request", "id: missing", p -> p.setId(" ")),
                rule("invalid_request", "id: longer than 512", p -> p.setId("x".repeat(513))),
                rule("invalid_request", "conversation_id: blank", p -> p.setConversationId("")),
                rule("invalid_request", "conversation_id: longer than 512", p -> p.setConversationId("x".repeat(513))),
                rule("invalid_request", "cache_salt: longer than 512", p -> p.setCacheSalt("x".repeat(513))),
                rule("invalid_request", "turn: 0 is not 1 or more", p -> p.setTurn(0)),
                rule("invalid_request", "deadline_ms: 0 is not 1 or more", p -> p.setDeadlineMs(0L)),
                rule("invalid_request", "messages: empty", p -> p.setMessages(List.of())),
                rule("invalid_request", "messages[1].role: unknown role 'wizard'",
                        p -> p.setMessages(List.of(message("user", "a"), message("wizard", "b")))),
                rule("invalid_request", "messages[0].content: missing",
                        p -> p.setMessages(List.of(message("user", null)))),
                rule("invalid_request", "messages[0].tool_calls: only assistant",
                        p -> p.setMessages(List.of(
                                new io.millrace.schemas.Message("user", "a", null, List.of(call), null)))),
                rule("invalid_request", "messages[0].tool_calls: arguments of f",
                        p -> p.setMessages(List.of(
                                new io.millrace.schemas.Message("assistant", null, null, List.of(badCall), null)))),
                rule("invalid_request", "tools: a tool of type function has no function",
                        p -> p.setTools(List.of(new Tool("function", null)))),
                rule("invalid_request", "tools: a function has no name",
                        p -> p.setTools(List.of(function("", "{}")))),
                rule("invalid_request", "tools: parameters of f", p -> p.setTools(List.of(function("f", "[1]")))),
                rule("invalid_request", "tools: unknown type 'hammer'",
                        p -> p.setTools(List.of(new Tool("hammer", null)))),
                rule("invalid_request", "max_completion_tokens: -1", p -> p.setMaxCompletionTokens(-1)),
                rule("invalid_request", "max_completion_tokens: 0", p -> p.setMaxCompletionTokens(0)),
                rule("invalid_request", "temperature: NaN", p -> p.setTemperature(Double.NaN)),
                rule("invalid_request", "temperature: -1.0", p -> p.setTemperature(-1.0)),
                rule("invalid_request", "temperature: Infinity", p -> p.setTemperature(1e300)),
                rule("invalid_request", "top_p: 0.0", p -> p.setTopP(0.0)),
                rule("invalid_request", "top_p: 1.5", p -> p.setTopP(1.5)),
                rule("invalid_request", "top_k: -1", p -> p.setTopK(-1)),
                rule("invalid_request", "min_p: 1.5", p -> p.setMinP(1.5)),
                rule("invalid_request", "repetition_penalty: 0.0", p -> p.setRepetitionPenalty(0.0)),
                rule("invalid_request", "presence_penalty: 3.0", p -> p.setPresencePenalty(3.0)),
                rule("invalid_request", "frequency_penalty: NaN", p -> p.setFrequencyPenalty(Double.NaN)),
                rule("invalid_request", "logit_bias: 'x' is no token id", p -> p.setLogitBias(Map.of("x", 1.0))),
                rule("invalid_request", "logit_bias: '1000' is no token id from 0 to 999",
                        p -> p.setLogitBias(Map.of("1000", 1.0))),
                rule("invalid_request", "logit_bias of token 5", p -> p.setLogitBias(Map.of("5", 1000.0))),
                rule("invalid_request", "stop: 17 strings", p -> p.setStop(Collections.nCopies(17, "x"))),
                rule("invalid_request", "stop[1]: empty", p -> p.setStop(List.of("a", ""))),
                rule("invalid_request", "stop[0]: longer than", p -> p.setStop(List.of("x".repeat(1025)))),
                rule("invalid_request", "top_logprobs: 21", p -> p.setTopLogprobs(21)),
                rule("invalid_request", "top_logprobs: needs logprobs", p -> p.setLogprobs(null).setTopLogprobs(2)),
                rule("unsupported_parameter", "n: 2", p -> p.setN(2)),
                rule("unsupported_parameter", "response_format:",
                        p -> p.setResponseFormat(new ResponseFormat("json_object", null))),
                rule("unsupported_parameter", "tool_choice:", p -> p.setToolChoice("required")),
                rule("unsupported_parameter", "context_overflow_action: truncate; only error and drop-oldest-turns",
                        p -> p.setContextOverflowAction("truncate")),
                rule("event_too_large", "messages: 1025 bytes of text, more than 1024",
                        p -> p.setMessages(List.of(message("user", "x".repeat(1025))))),
                rule("event_too_large", "messages: ",
                        p -> p.setTools(List.of(function("f", "\"" + "x".repeat(1024) + "\"")))));
    }

    private static Tool function(String name, String parameters) {
        return new Tool("function", new FunctionDefinition(name, "what it does", parameters, null));
    }

    @ParameterizedTest
    @MethodSource("rules")
    void anEventThatBreaksARuleIsRejectedByTheFieldsName(String code, String message,
            Consumer<PromptEvent.Builder> change) {
        PromptEvent.Builder event = valid();
        change.accept(event);
        RejectedPromptException rejected = catchThrowableOfType(RejectedPromptException.class,
                () -> validator.validate(event.build()));
        assertThat(rejected).isNotNull();
        assertThat(rejected.code()).isEqualTo(code);
        assertThat(rejected.reason()).startsWith(message).doesNotContain("\n");
    }

    @Test
    void whatAnEventDoesNotSayHasADefault() {
        Prompt prompt = validator.validate(PromptEvent.newBuilder().setId("r1")
                .setMessages(List.of(message("user", "Hello."))).build());
        assertThat(prompt.sampling().temperature()).isEqualTo(0.6f);
        assertThat(prompt.sampling().topP()).isEqualTo(0.9f);
        assertThat(prompt.sampling().topK()).isZero();
        assertThat(prompt.maxNewTokens()).isEqualTo(1024);
        assertThat(prompt.topLogprobs()).isEqualTo(-1);
        assertThat(prompt.stream()).isFalse();
        assertThat(prompt.priority()).isZero();
        assertThat(prompt.messages()).containsExactly(new Message(Role.USER, "Hello."));
    }

    @Test
    void whatAnEventSaysIsTaken() {
        Prompt prompt = validator.validate(valid().setTemperature(0.0).setTopP(0.5).setTopK(7).setMinP(0.1).setSeed(99L)
                .setStop(List.of("END")).setTopLogprobs(3).setStream(true).setPriority(-2).setTurn(4)
                .setDeadlineMs(500L).setLogitBias(Map.of("5", -1.0)).build());
        assertThat(prompt.sampling().temperature()).isZero();
        assertThat(prompt.sampling().topP()).isEqualTo(0.5f);
        assertThat(prompt.sampling().topK()).isEqualTo(7);
        assertThat(prompt.sampling().minP()).isEqualTo(0.1f);
        assertThat(prompt.sampling().seed()).isEqualTo(99);
        assertThat(prompt.sampling().logitBias()).containsExactly(Map.entry(5, -1f));
        assertThat(prompt.stop()).containsExactly("END");
        assertThat(prompt.topLogprobs()).isEqualTo(3);
        assertThat(prompt.stream()).isTrue();
        assertThat(prompt.priority()).isEqualTo(-2);
        assertThat(prompt.turn()).isEqualTo(4);
        assertThat(prompt.deadlineMillis()).isEqualTo(500);
    }

    @Test
    void toolsAndTheirCallsAreTyped() {
        io.millrace.schemas.ToolCall call = new io.millrace.schemas.ToolCall("1", "function",
                new FunctionCall("f", "{\"a\":1}"));
        Prompt prompt = validator.validate(valid()
                .setMessages(List.of(new io.millrace.schemas.Message("assistant", null, null, List.of(call), null),
                        message("tool", "42")))
                .setTools(List.of(function("f", "{}"), new Tool("brave_search", null))).setToolChoice("none").build());
        assertThat(prompt.messages()).containsExactly(
                new Message(Role.ASSISTANT, "", List.of(new ToolCall("f", "{\"a\":1}"))),
                new Message(Role.IPYTHON, "42"));
        assertThat(prompt.tools()).containsExactly(new ToolDefinition("f", "what it does", "{}"));
        assertThat(prompt.builtInTools()).containsExactly(BuiltInTool.BRAVE_SEARCH);
        assertThat(prompt.callsTools()).isFalse();
    }

    @Test
    void theDefaultSeedIsStable() {
        // A text must come out the same after an upgrade, so this value is for ever.
        assertThat(PromptValidator.seedOf("r1")).isEqualTo(PromptValidator.seedOf("r1"))
                .isEqualTo(0x8dc8307b57be76cL).isNotEqualTo(PromptValidator.seedOf("r2"));
    }
}
