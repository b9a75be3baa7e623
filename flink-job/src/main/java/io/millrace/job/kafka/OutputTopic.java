package io.millrace.job.kafka;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetIdentifier;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacet;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * A topic that events are written to.
 *
 * @param source the job that writes, for the {@code ce_source} header
 * @param maxRecordBytes what producer and topic accept; a larger record would fail the job at every attempt
 */
record OutputTopic(String name, String source, int maxRecordBytes) implements Serializable {
    /** What a record batch and a record add to key, value and headers. */
    private static final int RECORD_OVERHEAD = 512;
    private static final int HEADER_OVERHEAD = 10;

    static byte[] key(@Nullable String conversation, String request) {
        String key = conversation == null ? request : conversation;
        return key.getBytes(StandardCharsets.UTF_8);
    }

    /** The record, or null when it is larger than the topic accepts. */
    @Nullable
    ProducerRecord<byte[], byte[]> record(byte @Nullable [] key, byte[] value, Headers headers) {
        long bytes = RECORD_OVERHEAD + (key == null ? 0 : key.length) + (long) value.length;
        for (Header header : headers) {
            bytes += HEADER_OVERHEAD + header.key().length() + (header.value() == null ? 0 : header.value().length);
        }
        return bytes > maxRecordBytes ? null : new ProducerRecord<>(name, null, key, value, headers);
    }

    /** Names the topic to the sink, which looks up open transactions by topic. */
    Optional<KafkaDatasetFacet> facet() {
        return Optional.of(new DefaultKafkaDatasetFacet(DefaultKafkaDatasetIdentifier.ofTopics(List.of(name))));
    }
}
