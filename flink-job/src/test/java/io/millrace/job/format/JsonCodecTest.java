package io.millrace.job.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.schemas.CompletionChoice;
import io.millrace.schemas.CompletionError;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.FunctionCall;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.PromptTokensDetails;
import io.millrace.schemas.SessionControl;
import io.millrace.schemas.Timings;
import io.millrace.schemas.ToolCall;
import io.millrace.schemas.Usage;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonCodecTest {
    private static final int LIMIT = 1 << 20;
    private final EventCodec<PromptEvent> prompts = EventFormat.JSON.codec(PromptEvent.class, LIMIT);

    private PromptEvent prompt(String json) throws EventFormatException {
        return prompts.decode(json.getBytes(StandardCharsets.UTF_8));
    }

    private void assertRefused(String json, String message) {
        assertThatThrownBy(() -> prompt(json)).isInstanceOf(EventFormatException.class)
                .hasMessageContaining(message);
    }

    @Test
    void aPromptOfTheOpenAiVocabularyIsRead() throws EventFormatException {
        PromptEvent event = prompt("""
                {"id":"r1","conversation_id":"c1","turn":2,"model":"llama","stream":true,"metadata":{"tenant":"a"},
                 "messages":[{"role":"user","content":"What is the weather?","name":"ann"},
                   {"role":"assistant","tool_calls":[{"id":"t1","type":"function",
                     "function":{"name":"weather","arguments":"{\\"city\\":\\"Bern\\"}"}}]},
                   {"role":"tool","tool_call_id":"t1","content":"rain"}],
                 "tools":[{"type":"function","function":{"name":"weather","description":"d",
                   "parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}],
                 "tool_choice":{"type":"function","function":{"name":"weather"}},
                 "response_format":{"type":"json_schema","json_schema":{"name":"x","schema":true}},
                 "max_completion_tokens":64,"temperature":0.5,"top_p":0.8,"top_k":40,"min_p":0.1,
                 "seed":-9007199254740993,"stop":["a","b"],"n":1,"logprobs":true,"top_logprobs":3,"priority":-1,
                 "deadline_ms":1500,"cache_salt":"s","context_overflow_action":"error","logit_bias":{"7":-1.5}}""");
        assertThat(event.getId()).isEqualTo("r1");
        assertThat(event.getConversationId()).isEqualTo("c1");
        assertThat(event.getTurn()).isEqualTo(2);
        assertThat(event.getStream()).isTrue();
        assertThat(event.getMetadata()).containsEntry("tenant", "a");
        assertThat(event.getMessages()).hasSize(3);
        assertThat(event.getMessages().getFirst().getName()).isEqualTo("ann");
        ToolCall call = event.getMessages().get(1).getToolCalls().getFirst();
        assertThat(call.getFunction().getArguments()).isEqualTo("{\"city\":\"Bern\"}");
        assertThat(event.getMessages().get(1).getContent()).isNull();
        assertThat(event.getMessages().get(2).getToolCallId()).isEqualTo("t1");
        assertThat(event.getTools().getFirst().getFunction().getParameters())
                .isEqualTo("{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}}");
        assertThat(event.getToolChoice()).isEqualTo("{\"type\":\"function\",\"function\":{\"name\":\"weather\"}}");
        assertThat(event.getResponseFormat().getJsonSchema()).isEqualTo("{\"name\":\"x\",\"schema\":true}");
        assertThat(event.getTemperature()).isEqualTo(0.5);
        assertThat(event.getSeed()).isEqualTo(-9007199254740993L);
        assertThat(event.getStop()).containsExactly("a", "b");
        assertThat(event.getTopLogprobs()).isEqualTo(3);
        assertThat(event.getDeadlineMs()).isEqualTo(1500);
        assertThat(event.getLogitBias()).containsEntry("7", -1.5);
    }

    @Test
    void missingFieldsAndNullsTakeTheirDefaultAndUnknownFieldsAreIgnored() throws EventFormatException {
        PromptEvent event = prompt("{\"messages\":null,\"temperature\":null,\"user\":{\"deep\":[1]},\"id\":null}");
        assertThat(event).isEqualTo(PromptEvent.newBuilder().build());
        assertThat(event.getId()).isEmpty();
        assertThat(event.getMessages()).isEmpty();
        assertThat(event.getTemperature()).isNull();
    }

    @Test
    void defaultsAreNotSharedBetweenEvents() throws EventFormatException {
        prompt("{}").getMessages().add(new Message());
        assertThat(prompt("{}").getMessages()).isEmpty();
    }

    @Test
    void theConveniencesOfTheApiAreRead() throws EventFormatException {
        PromptEvent event = prompt("""
                {"messages":[{"role":"user","content":[{"type":"text","text":"one "},{"type":"text","text":"two"}]}],
                 "stop":"end","tool_choice":"auto","max_tokens":5,"top_k":7.0}""");
        assertThat(event.getMessages().getFirst().getContent()).isEqualTo("one two");
        assertThat(event.getStop()).containsExactly("end");
        assertThat(event.getToolChoice()).isEqualTo("auto");
        assertThat(event.getMaxCompletionTokens()).isEqualTo(5);
        assertThat(event.getTopK()).isEqualTo(7);
    }

    @Test
    void argumentsGivenAsAnObjectAreHeldAsText() throws EventFormatException {
        PromptEvent event = prompt("{\"messages\":[{\"tool_calls\":[{\"function\":{\"arguments\":{\"a\":1}}}]}]}");
        assertThat(event.getMessages().getFirst().getToolCalls().getFirst().getFunction().getArguments())
                .isEqualTo("{\"a\":1}");
    }

    @ParameterizedTest
    @CsvSource({"99999999999, 2147483647", "-99999999999, -2147483648", "1e300, 2147483647", "-3, -3",
            "123456789012345678901234567890, 2147483647", "Infinity, 2147483647"})
    void hugeTokenLimitsBecomeTheNearestOne(String given, int read) throws EventFormatException {
        assertThat(prompt("{\"max_completion_tokens\":" + given + "}").getMaxCompletionTokens()).isEqualTo(read);
    }

    @Test
    void numbersThatAreNoneReachValidationSoThatTheSenderIsAnswered() throws EventFormatException {
        assertThat(prompt("{\"temperature\":NaN}").getTemperature()).isNaN();
        assertThat(prompt("{\"temperature\":-Infinity}").getTemperature()).isEqualTo(Double.NEGATIVE_INFINITY);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
            "[1]|the event: expected an object, found an array of 1",
            "5|the event: expected an object, found 5",
            "{\"id\":5}|id: expected a string, found 5",
            "{\"messages\":{}}|messages: expected an array, found an object",
            "{\"messages\":[{},{\"role\":[]}]}|messages[1].role: expected a string, found an array of 0",
            "{\"messages\":[\"hi\"]}|messages[0]: expected an object, found a string of 2 characters",
            "{\"messages\":[{\"content\":[{\"type\":\"image_url\"}]}]}|messages[0].content[0]: expected a part",
            "{\"messages\":[{\"content\":{}}]}|messages[0].content: expected a string, found an object",
            "{\"temperature\":\"hot\"}|temperature: expected a number, found a string of 3 characters",
            "{\"top_k\":1.5}|top_k: expected an integer between -2147483648 and 2147483647, found 1.5",
            "{\"top_k\":NaN}|top_k: expected an integer",
            "{\"max_tokens\":NaN}|max_completion_tokens: expected an integer",
            "{\"seed\":18446744073709551615}|seed: expected an integer",
            "{\"stream\":\"yes\"}|stream: expected true or false",
            "{\"metadata\":{\"a\":1}}|metadata.a: expected a string, found 1",
            "{\"stop\":[1]}|stop[0]: expected a string",
            "{\"tools\":[{\"function\":7}]}|tools[0].function: expected an object, found 7",
            "{\"id\":\"a\",\"id\":\"b\"}|the event is not JSON at line 1",
            "{\"id\":\"a\"} {}|the event is not JSON at line 1",
            "hello|the event is not JSON at line 1", "{\"id\":|the event is not JSON at line 1"})
    void errorsNameThePathWhatWasExpectedAndWhatWasFound(String json, String message) {
        assertRefused(json, message);
    }

    @Test
    void errorsAreOneLineAndDoNotRepeatContent() {
        assertThatThrownBy(() -> prompt("{\"temperature\":\"my secret\"}")).hasMessageNotContaining("secret");
        assertThatThrownBy(() -> prompt("x\n".repeat(5000))).message().doesNotContain("\n").hasSizeLessThan(500);
    }

    @Test
    void nothingIsNoEvent() {
        assertRefused("", "the event: expected an object, found nothing");
        assertRefused("null", "the event: expected an object, found null");
    }

    @Test
    void halfACodePointIsRefusedWhereItStands() {
        assertRefused("{\"messages\":[{\"content\":\"ab\\ud83d\"}]}",
                "messages[0].content: unpaired UTF-16 surrogate at index 2");
        assertRefused("{\"metadata\":{\"\\udc00\":\"\"}}", "unpaired UTF-16 surrogate at index 0");
        assertRefused("{\"tool_choice\":{\"a\":\"\\udc00\"}}", "tool_choice: unpaired UTF-16 surrogate");
    }

    @Test
    void wholeCodePointsAreKept() throws EventFormatException {
        assertThat(prompt("{\"id\":\"\\ud83d\\ude00 😀\"}").getId()).isEqualTo("😀 😀");
    }

    @Test
    void bytesThatAreNotUtf8AreRefused() {
        byte[] bytes = "{\"id\":\"x\"}".getBytes(StandardCharsets.UTF_8);
        bytes[7] = (byte) 0xFF;
        assertThatThrownBy(() -> prompts.decode(bytes)).isInstanceOf(EventFormatException.class)
                .hasMessageStartingWith("the event is not UTF-8");
    }

    @Test
    void aSenderOfTheOtherFormatIsToldSo() {
        byte[] avro = EventFormat.AVRO.codec(PromptEvent.class, LIMIT).encode(PromptEvent.newBuilder().build());
        assertThatThrownBy(() -> prompts.decode(avro)).hasMessageContaining("Avro single-object encoded, but JSON");
    }

    @Test
    void theIdsOfAnEventThatCannotBeReadAreReportedWhenTheyCan() {
        assertThatThrownBy(() -> prompt("{\"id\":\"r1\",\"conversation_id\":\"c1\",\"stop\":1}"))
                .isInstanceOfSatisfying(EventFormatException.class, e -> {
                    assertThat(e.id()).isEqualTo("r1");
                    assertThat(e.conversationId()).isEqualTo("c1");
                });
        assertThatThrownBy(() -> prompt("{\"id\":[],\"conversation_id\":\"\\udc00\"}"))
                .isInstanceOfSatisfying(EventFormatException.class, e -> {
                    assertThat(e.id()).isNull();
                    assertThat(e.conversationId()).isNull();
                });
    }

    @Test
    void inputIsBoundedInBytesDepthAndTokens() {
        assertRefused("{\"id\":\"" + "x".repeat(LIMIT) + "\"}", "more than the limit of " + LIMIT);
        assertRefused("[".repeat(2000) + "]".repeat(2000), "depth");
        EventCodec<PromptEvent> large = EventFormat.JSON.codec(PromptEvent.class, 16 << 20);
        String tokens = "{\"x\":[" + "0,".repeat(2_000_000) + "0]}";
        assertThatThrownBy(() -> large.decode(tokens.getBytes(StandardCharsets.UTF_8)))
                .isInstanceOf(EventFormatException.class).hasMessageContaining("1000000");
    }

    @Test
    void aCompletionIsWrittenWithoutNullsAndEmptyLists() {
        Message message = Message.newBuilder().setRole("assistant").setContent("Hello \"you\"\n😀").build();
        CompletionEvent event = CompletionEvent.newBuilder().setId("cmpl-1").setRequestId("r1").setTurn(1)
                .setCreated(1700000000).setChoices(List.of(CompletionChoice.newBuilder().setMessage(message)
                        .setFinishReason("stop").build()))
                .setUsage(new Usage(10, 2, 12, new PromptTokensDetails(8), 3))
                .setTimings(new Timings(1.5, Double.NaN, null, 1)).build();
        assertThat(
                new String(EventFormat.JSON.codec(CompletionEvent.class, LIMIT).encode(event), StandardCharsets.UTF_8))
                .isEqualTo("{\"id\":\"cmpl-1\",\"request_id\":\"r1\",\"turn\":1,\"created\":1700000000,"
                        + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                        + "\"content\":\"Hello \\\"you\\\"\\n😀\"},\"finish_reason\":\"stop\"}],"
                        + "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2,\"total_tokens\":12,"
                        + "\"prompt_tokens_details\":{\"cached_tokens\":8},\"recomputed_tokens\":3},"
                        + "\"timings\":{\"queue_ms\":1.5,\"restarts\":1}}");
    }

    @Test
    void fieldsThatHoldJsonAreWrittenAsTheValueTheyHold() {
        PromptEvent event = PromptEvent.newBuilder().setToolChoice("{\"type\":\"function\"}").build();
        String json = new String(prompts.encode(event), StandardCharsets.UTF_8);
        assertThat(json).isEqualTo("{\"id\":\"\",\"tool_choice\":{\"type\":\"function\"}}");
        event.setToolChoice("none");
        assertThat(new String(prompts.encode(event), StandardCharsets.UTF_8)).contains("\"tool_choice\":\"none\"");
        event.setToolChoice("{broken");
        assertThat(new String(prompts.encode(event), StandardCharsets.UTF_8)).contains("\"tool_choice\":\"{broken\"");
    }

    @Test
    void functionArgumentsAreWrittenAsText() {
        ToolCall call = new ToolCall("t", "function", new FunctionCall("f", "{\"a\":1}"));
        Message message = Message.newBuilder().setToolCalls(List.of(call)).build();
        assertThat(new String(EventFormat.JSON.codec(Message.class, LIMIT).encode(message), StandardCharsets.UTF_8))
                .contains("\"arguments\":\"{\\\"a\\\":1}\"");
    }

    @Test
    void halfACodePointIsWrittenAsTheReplacementCharacter() {
        CompletionEvent event = CompletionEvent.newBuilder()
                .setError(new CompletionError("server_error", null, "a\ud800b")).build();
        assertThat(
                new String(EventFormat.JSON.codec(CompletionEvent.class, LIMIT).encode(event), StandardCharsets.UTF_8))
                .contains("\"message\":\"a\ufffdb\"");
    }

    @Test
    void controlsAreRead() throws EventFormatException {
        SessionControl control = EventFormat.JSON.codec(SessionControl.class, LIMIT).decode(
                "{\"action\":\"cancel\",\"request_id\":\"r1\"}".getBytes(StandardCharsets.UTF_8));
        assertThat(control).isEqualTo(new SessionControl("cancel", null, "r1"));
    }
}
