package io.millrace.job.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.state.Origin;
import io.millrace.schemas.state.SessionInput;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.ProcessFunctionTestHarnesses;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class EventDecoderTest {
    private OneInputStreamOperatorTestHarness<Origin, SessionInput> harness;

    @BeforeEach
    void open() throws Exception {
        harness = ProcessFunctionTestHarnesses.forProcessFunction(new EventDecoder(KafkaSettings
                .of(Configuration
                        .fromMap(Map.of("millrace.kafka.bootstrap-servers", "kafka:9092", "millrace.topics.prompts",
                                "p", "millrace.topics.controls", "c")))));
    }

    @AfterEach
    void close() throws Exception {
        harness.close();
    }

    private Origin read(String topic, @Nullable String value) throws Exception {
        ByteBuffer bytes = value == null ? null : ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8));
        Origin record = new Origin(topic, 2, 41L, 1000L, ByteBuffer.wrap(new byte[]{9}), bytes);
        harness.processElement(new StreamRecord<>(record));
        return record;
    }

    @Test
    void promptsAndControlsAreToldApartByTheirTopic() throws Exception {
        Origin prompt = read("p", "{\"id\":\"r1\"}");
        Origin control = read("c", "{\"action\":\"cancel\",\"request_id\":\"r1\"}");
        SessionInput first = harness.extractOutputValues().getFirst();
        assertThat(first.getPrompt().getId()).isEqualTo("r1");
        assertThat(first.getOrigin()).isEqualTo(prompt);
        SessionInput second = harness.extractOutputValues().getLast();
        assertThat(second.getPrompt()).isNull();
        assertThat(second.getControl().getAction()).isEqualTo("cancel");
        assertThat(second.getOrigin()).isEqualTo(control);
        assertThat(harness.getSideOutput(EventDecoder.DEAD_LETTERS)).isNull();
    }

    @Test
    void aRecordThatCannotBeDecodedIsADeadLetterAsItWas() throws Exception {
        Origin record = read("p", "\u0000garbage");
        assertThat(harness.extractOutputValues()).isEmpty();
        DeadLetter letter = harness.getSideOutput(EventDecoder.DEAD_LETTERS).element().getValue();
        assertThat(letter.getReasonCode()).isEqualTo("undecodable");
        assertThat(letter.getMessage()).startsWith("the event is not JSON");
        assertThat(letter.getSourceTopic()).isEqualTo("p");
        assertThat(letter.getSourcePartition()).isEqualTo(2);
        assertThat(letter.getSourceOffset()).isEqualTo(41L);
        assertThat(letter.getSourceTimestamp()).isEqualTo(1000L);
        assertThat(letter.getKey()).isEqualTo(record.getKey());
        assertThat(letter.getValue()).isEqualTo(record.getValue());
        assertThat(harness.getSideOutput(EventDecoder.REFUSALS)).isNull();
    }

    @Test
    void aRecordWithoutAValueIsADeadLetter() throws Exception {
        read("p", null);
        assertThat(harness.getSideOutput(EventDecoder.DEAD_LETTERS)).hasSize(1);
    }

    @Test
    void theSenderIsAnsweredWhenItsIdCanBeRead() throws Exception {
        read("p", "{\"id\":\"r1\",\"conversation_id\":\"c1\",\"messages\":5}");
        assertThat(harness.getSideOutput(EventDecoder.DEAD_LETTERS)).hasSize(1);
        CompletionEvent answer = harness.getSideOutput(EventDecoder.REFUSALS).element().getValue();
        assertThat(answer.getRequestId()).isEqualTo("r1");
        assertThat(answer.getConversationId()).isEqualTo("c1");
        assertThat(answer.getChoices().getFirst().getFinishReason()).isEqualTo("error");
        assertThat(answer.getError().getCode()).isEqualTo("undecodable");
        assertThat(answer.getError().getMessage()).isEqualTo("messages: expected an array, found 5");
    }

    @Test
    void aBrokenControlHasNoSenderToAnswer() throws Exception {
        read("c", "{\"id\":\"r1\",\"action\":5}");
        assertThat(harness.getSideOutput(EventDecoder.DEAD_LETTERS)).hasSize(1);
        assertThat(harness.getSideOutput(EventDecoder.REFUSALS)).isNull();
    }
}
