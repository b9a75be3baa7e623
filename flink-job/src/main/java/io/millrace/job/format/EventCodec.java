package io.millrace.job.format;

import org.apache.avro.specific.SpecificRecord;

/**
 * Reads and writes one type of event. Holds buffers: one codec per thread.
 *
 * @param <T> the event's record
 */
public sealed interface EventCodec<T extends SpecificRecord> permits JsonCodec, AvroCodec {

    /**
     * Reads an event from bytes that nobody has checked.
     *
     * @throws EventFormatException for every kind of bytes that are no such event, and nothing else
     */
    T decode(byte[] bytes) throws EventFormatException;

    /** Writes an event; any record of the type can be written. */
    byte[] encode(T event);
}
