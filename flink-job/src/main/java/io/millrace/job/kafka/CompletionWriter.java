package io.millrace.job.kafka;

import io.millrace.job.format.EventCodec;
import io.millrace.job.format.EventFormat;
import io.millrace.schemas.CompletionChoice;
import io.millrace.schemas.CompletionError;
import io.millrace.schemas.CompletionEvent;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacetProvider;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Completions as records, keyed by conversation. One that the topic cannot take loses its log probabilities, and if that is
 * not enough its text, for an error that says so.
 */
final class CompletionWriter
        implements
            KafkaRecordSerializationSchema<CompletionEvent>,
            KafkaDatasetFacetProvider {
    private static final long serialVersionUID = 1L;
    private static final Logger LOG = LoggerFactory.getLogger(CompletionWriter.class);

    private final OutputTopic topic;
    private final EventFormat format;
    @SuppressWarnings("NullAway.Init") // set by open(), which the sink calls first
    private transient EventCodec<CompletionEvent> codec;

    CompletionWriter(OutputTopic topic, EventFormat format) {
        this.topic = topic;
        this.format = format;
    }

    @Override
    public void open(SerializationSchema.InitializationContext context, KafkaSinkContext sinkContext) {
        codec = format.codec(CompletionEvent.class, Integer.MAX_VALUE);
    }

    @Override
    public @Nullable ProducerRecord<byte[], byte[]> serialize(CompletionEvent event, KafkaSinkContext context,
            @Nullable Long timestamp) {
        ProducerRecord<byte[], byte[]> record = record(event);
        if (record == null) {
            record = record(withoutLogprobs(event));
        }
        if (record == null) {
            record = record(withoutText(event));
        }
        if (record == null) {
            LOG.error("a completion of {} is dropped: its ids alone are larger than a record of {} may be ({} bytes)",
                    event.getConversationId() == null ? "a request" : "a conversation", topic.name(),
                    topic.maxRecordBytes());
        }
        return record;
    }

    private @Nullable ProducerRecord<byte[], byte[]> record(CompletionEvent event) {
        byte[] key = OutputTopic.key(event.getConversationId(), event.getRequestId());
        String subject = event.getConversationId() == null ? event.getRequestId() : event.getConversationId();
        return topic.record(key, codec.encode(event), CloudEventHeaders.of("io.millrace.completion", topic.source(),
                event.getId(), subject, Instant.ofEpochSecond(event.getCreated()), format.contentType()));
    }

    private static CompletionEvent withoutLogprobs(CompletionEvent event) {
        List<CompletionChoice> choices = event.getChoices().stream()
                .map(choice -> CompletionChoice.newBuilder(choice).setLogprobs(null).build()).toList();
        return CompletionEvent.newBuilder(event).setChoices(choices).build();
    }

    private CompletionEvent withoutText(CompletionEvent event) {
        String message = "the completion is larger than a record of topic " + topic.name() + " may be ("
                + topic.maxRecordBytes() + " bytes); raise max.message.bytes of the topic and kafka.max.request.size";
        return CompletionEvent.newBuilder(event).setChoices(List.of(new CompletionChoice(0, null, "error", null)))
                .setError(new CompletionError("server_error", "completion_too_large", message)).build();
    }

    @Override
    public Optional<KafkaDatasetFacet> getKafkaDatasetFacet() {
        return topic.facet();
    }
}
