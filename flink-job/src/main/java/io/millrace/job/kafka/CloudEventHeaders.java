package io.millrace.job.kafka;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/**
 * Record headers of the CloudEvents
 * <a href="https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md">Kafka binding</a>,
 * binary mode.
 */
final class CloudEventHeaders {
    private CloudEventHeaders() {}

    /**
     * @param type kind of event, with its namespace
     * @param source the job that writes it
     * @param id unique for the source
     * @param subject the conversation or request it is about
     * @param contentType of the record's value; null when it is not known
     */
    static Headers of(String type, String source, String id, @Nullable String subject, Instant time,
            @Nullable String contentType) {
        RecordHeaders headers = new RecordHeaders();
        add(headers, "ce_specversion", "1.0");
        add(headers, "ce_type", type);
        add(headers, "ce_source", source);
        add(headers, "ce_id", id);
        add(headers, "ce_time", time.toString());
        if (subject != null) {
            add(headers, "ce_subject", subject);
        }
        if (contentType != null) {
            add(headers, "content-type", contentType);
        }
        return headers;
    }

    static void add(Headers headers, String name, @Nullable Object value) {
        if (value != null) {
            headers.add(name, value.toString().getBytes(StandardCharsets.UTF_8));
        }
    }
}
