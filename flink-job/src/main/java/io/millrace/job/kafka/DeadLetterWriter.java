package io.millrace.job.kafka;

import io.millrace.schemas.DeadLetter;
import java.nio.ByteBuffer;
import java.time.Instant;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * Dead letters as records: the original key and value, and in headers why they are here and where they came from, so that a
 * repaired consumer can read them again as they were. A value that the topic cannot take is left out; a header says how long
 * it is, and the coordinates say where it still is.
 */
final class DeadLetterWriter implements KafkaRecordSerializationSchema<DeadLetter> {
    private static final long serialVersionUID = 1L;
    private static final byte[] OMITTED = new byte[0];

    private final OutputTopic topic;

    DeadLetterWriter(OutputTopic topic) {
        this.topic = topic;
    }

    @Override
    public @Nullable ProducerRecord<byte[], byte[]> serialize(DeadLetter letter, KafkaSinkContext context,
            @Nullable Long timestamp) {
        byte[] key = bytes(letter.getKey());
        byte[] value = bytes(letter.getValue());
        byte[] content = value == null ? OMITTED : value;
        ProducerRecord<byte[], byte[]> record = topic.record(key, content, headers(letter));
        if (record == null) {
            Headers headers = headers(letter);
            CloudEventHeaders.add(headers, "omitted_value_bytes", content.length);
            record = topic.record(key, OMITTED, headers);
            if (record == null) {
                CloudEventHeaders.add(headers, "omitted_key_bytes", key == null ? 0 : key.length);
                record = topic.record(null, OMITTED, headers);
            }
        }
        return record;
    }

    private Headers headers(DeadLetter letter) {
        String coordinates = letter.getSourceTopic() + "/" + letter.getSourcePartition() + "/"
                + letter.getSourceOffset();
        Headers headers = CloudEventHeaders.of("io.millrace.dead-letter", topic.source(), coordinates, null,
                Instant.now(), null);
        CloudEventHeaders.add(headers, "reason_code", letter.getReasonCode());
        CloudEventHeaders.add(headers, "message", letter.getMessage());
        CloudEventHeaders.add(headers, "source_topic", letter.getSourceTopic());
        CloudEventHeaders.add(headers, "source_partition", letter.getSourcePartition());
        CloudEventHeaders.add(headers, "source_offset", letter.getSourceOffset());
        CloudEventHeaders.add(headers, "source_timestamp", letter.getSourceTimestamp());
        return headers;
    }

    private static byte @Nullable [] bytes(@Nullable ByteBuffer buffer) {
        if (buffer == null) {
            return null;
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }
}
