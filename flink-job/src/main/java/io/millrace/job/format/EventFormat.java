package io.millrace.job.format;

import org.apache.avro.specific.SpecificRecord;

/** How events are written as bytes. */
public enum EventFormat {
    /** One JSON object per record, in the vocabulary of OpenAI chat completions. */
    JSON("application/json"),
    /** Avro single-object encoding: two marker bytes, the writer schema's fingerprint, the binary record. */
    AVRO("avro/binary");

    private final String contentType;

    EventFormat(String contentType) {
        this.contentType = contentType;
    }

    /** The media type for the {@code content-type} header. */
    public String contentType() {
        return contentType;
    }

    /**
     * A codec for events of a type.
     *
     * @param maxBytes longer events are refused before anything is read
     */
    public <T extends SpecificRecord> EventCodec<T> codec(Class<T> type, int maxBytes) {
        return switch (this) {
            case JSON -> new JsonCodec<>(type, maxBytes);
            case AVRO -> new AvroCodec<>(type, maxBytes);
        };
    }
}
