package io.millrace.job.kafka;

import io.millrace.job.format.EventCodec;
import io.millrace.job.format.EventFormat;
import io.millrace.schemas.TokenDelta;
import java.time.Instant;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Token deltas as records, keyed by conversation, so that those of a turn stay in order. */
final class DeltaWriter implements KafkaRecordSerializationSchema<TokenDelta> {
    private static final long serialVersionUID = 1L;
    private static final Logger LOG = LoggerFactory.getLogger(DeltaWriter.class);

    private final OutputTopic topic;
    private final EventFormat format;
    @SuppressWarnings("NullAway.Init") // set by open(), which the sink calls first
    private transient EventCodec<TokenDelta> codec;

    DeltaWriter(OutputTopic topic, EventFormat format) {
        this.topic = topic;
        this.format = format;
    }

    @Override
    public void open(SerializationSchema.InitializationContext context, KafkaSinkContext sinkContext) {
        codec = format.codec(TokenDelta.class, Integer.MAX_VALUE);
    }

    @Override
    public @Nullable ProducerRecord<byte[], byte[]> serialize(TokenDelta event, KafkaSinkContext context,
            @Nullable Long timestamp) {
        byte[] key = OutputTopic.key(event.getConversationId(), event.getRequestId());
        String subject = event.getConversationId() == null ? event.getRequestId() : event.getConversationId();
        ProducerRecord<byte[], byte[]> record = topic.record(key, codec.encode(event),
                CloudEventHeaders.of("io.millrace.delta", topic.source(), event.getRequestId() + "/" + event.getSeq(),
                        subject, Instant.now(), format.contentType()));
        if (record == null) {
            LOG.warn("a delta is larger than a record of topic {} may be ({} bytes) and is dropped; the completion has "
                    + "its content", topic.name(), topic.maxRecordBytes());
        }
        return record;
    }
}
