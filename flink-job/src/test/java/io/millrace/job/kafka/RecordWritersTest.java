package io.millrace.job.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.job.format.EventFormat;
import io.millrace.schemas.CompletionChoice;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.Logprobs;
import io.millrace.schemas.Message;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.TokenLogprob;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.util.SimpleUserCodeClassLoader;
import org.apache.flink.util.UserCodeClassLoader;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RecordWritersTest {
    private static final int LIMIT = 4000;

    @Test
    void aCompletionIsKeyedByItsConversationAndDescribedByCloudEventsHeaders() throws Exception {
        CompletionEvent event = CompletionEvent.newBuilder().setId("cmpl-1").setRequestId("r1").setConversationId("c1")
                .setCreated(1_700_000_000).build();
        ProducerRecord<byte[], byte[]> record = write(completions(EventFormat.JSON), event);
        assertThat(record.topic()).isEqualTo("out");
        assertThat(record.partition()).isNull();
        assertThat(text(record.key())).isEqualTo("c1");
        assertThat(headers(record)).isEqualTo(Map.of("ce_specversion", "1.0", "ce_type", "io.millrace.completion",
                "ce_source", "/millrace/test", "ce_id", "cmpl-1", "ce_subject", "c1", "ce_time", "2023-11-14T22:13:20Z",
                "content-type", "application/json"));
        assertThat(EventFormat.JSON.codec(CompletionEvent.class, LIMIT).decode(record.value())).isEqualTo(event);
    }

    @Test
    void aStatelessCompletionIsKeyedByItsRequest() throws Exception {
        CompletionEvent event = CompletionEvent.newBuilder().setRequestId("r1").build();
        ProducerRecord<byte[], byte[]> record = write(completions(EventFormat.AVRO), event);
        assertThat(text(record.key())).isEqualTo("r1");
        assertThat(headers(record)).containsEntry("content-type", "avro/binary").containsEntry("ce_subject", "r1");
        assertThat(EventFormat.AVRO.codec(CompletionEvent.class, LIMIT).decode(record.value())).isEqualTo(event);
    }

    @Test
    void aCompletionThatIsTooLargeLosesItsLogProbabilitiesFirst() throws Exception {
        CompletionEvent event = completion("fine", 200);
        CompletionEvent written = EventFormat.JSON.codec(CompletionEvent.class, LIMIT)
                .decode(write(completions(EventFormat.JSON), event).value());
        assertThat(written.getChoices().getFirst().getMessage().getContent()).isEqualTo("fine");
        assertThat(written.getChoices().getFirst().getLogprobs()).isNull();
        assertThat(written.getError()).isNull();
    }

    @Test
    void aCompletionThatIsStillTooLargeBecomesAnError() throws Exception {
        CompletionEvent event = completion("x".repeat(LIMIT), 0);
        CompletionEvent written = EventFormat.JSON.codec(CompletionEvent.class, LIMIT)
                .decode(write(completions(EventFormat.JSON), event).value());
        assertThat(written.getRequestId()).isEqualTo("r1");
        assertThat(written.getChoices()).containsExactly(new CompletionChoice(0, null, "error", null));
        assertThat(written.getError().getCode()).isEqualTo("completion_too_large");
        assertThat(written.getError().getMessage()).contains("topic out").contains("max.message.bytes");
    }

    private static CompletionEvent completion(String text, int logprobs) {
        Message message = Message.newBuilder().setRole("assistant").setContent(text).build();
        TokenLogprob token = TokenLogprob.newBuilder().setToken("abc").build();
        return CompletionEvent.newBuilder().setId("cmpl-1").setRequestId("r1").setChoices(List.of(CompletionChoice
                .newBuilder().setMessage(message).setLogprobs(new Logprobs(Collections.nCopies(logprobs, token)))
                .build()))
                .build();
    }

    @Test
    void aDeltaIsIdentifiedByItsRequestAndNumber() throws Exception {
        TokenDelta delta = TokenDelta.newBuilder().setRequestId("r1").setConversationId("c1").setSeq(3).build();
        DeltaWriter writer = new DeltaWriter(new OutputTopic("out", "/millrace/test", LIMIT), EventFormat.JSON);
        ProducerRecord<byte[], byte[]> record = write(writer, delta);
        assertThat(text(record.key())).isEqualTo("c1");
        assertThat(headers(record)).containsEntry("ce_id", "r1/3").containsEntry("ce_type", "io.millrace.delta");
    }

    @Test
    void aDeadLetterIsTheOriginalRecordWithItsReasonInHeaders() throws Exception {
        ProducerRecord<byte[], byte[]> record = write(deadLetters(), deadLetter("k", "v\u0000"));
        assertThat(text(record.key())).isEqualTo("k");
        assertThat(text(record.value())).isEqualTo("v\u0000");
        assertThat(headers(record)).containsEntry("reason_code", "undecodable").containsEntry("message", "not JSON")
                .containsEntry("source_topic", "prompts").containsEntry("source_partition", "3")
                .containsEntry("source_offset", "42").containsEntry("source_timestamp", "7")
                .containsEntry("ce_id", "prompts/3/42").containsEntry("ce_type", "io.millrace.dead-letter")
                .doesNotContainKey("content-type");
    }

    @Test
    void aDeadLetterThatIsTooLargeKeepsItsCoordinates() throws Exception {
        ProducerRecord<byte[], byte[]> value = write(deadLetters(), deadLetter("k", "v".repeat(LIMIT)));
        assertThat(text(value.key())).isEqualTo("k");
        assertThat(value.value()).isEmpty();
        assertThat(headers(value)).containsEntry("omitted_value_bytes", "4000").containsEntry("source_offset", "42");
        ProducerRecord<byte[], byte[]> both = write(deadLetters(), deadLetter("k".repeat(LIMIT), "v"));
        assertThat(both.key()).isNull();
        assertThat(headers(both)).containsEntry("omitted_key_bytes", "4000").containsEntry("source_offset", "42");
    }

    private static CompletionWriter completions(EventFormat format) {
        return new CompletionWriter(new OutputTopic("out", "/millrace/test", LIMIT), format);
    }

    private static DeadLetterWriter deadLetters() {
        return new DeadLetterWriter(new OutputTopic("out", "/millrace/test", LIMIT));
    }

    private static DeadLetter deadLetter(String key, String value) {
        return new DeadLetter("undecodable", "not JSON", "prompts", 3, 42L, 7L,
                ByteBuffer.wrap(key.getBytes(StandardCharsets.UTF_8)),
                ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8)));
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static Map<String, String> headers(ProducerRecord<byte[], byte[]> record) {
        Map<String, String> headers = new HashMap<>();
        record.headers().forEach(header -> headers.put(header.key(), text(header.value())));
        return headers;
    }

    private static <T> ProducerRecord<byte[], byte[]> write(KafkaRecordSerializationSchema<T> writer, T event)
            throws Exception {
        writer.open(new Context(), new Sink());
        ProducerRecord<byte[], byte[]> record = writer.serialize(event, new Sink(), null);
        assertThat(record).isNotNull();
        return record;
    }

    private record Context() implements SerializationSchema.InitializationContext {
        @Override
        public MetricGroup getMetricGroup() {
            return new UnregisteredMetricsGroup();
        }

        @Override
        public UserCodeClassLoader getUserCodeClassLoader() {
            return SimpleUserCodeClassLoader.create(RecordWritersTest.class.getClassLoader());
        }
    }

    private record Sink() implements KafkaRecordSerializationSchema.KafkaSinkContext {
        @Override
        public int getParallelInstanceId() {
            return 0;
        }

        @Override
        public int getNumberOfParallelInstances() {
            return 1;
        }

        @Override
        public int[] getPartitionsForTopic(@Nullable String topic) {
            return new int[]{0};
        }
    }
}
