package io.millrace.job.format;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DatumReader;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecord;

/**
 * Events in Avro's <a href="https://avro.apache.org/docs/1.12.0/specification/#single-object-encoding">single-object
 * encoding</a>. The writer's schema is found by its fingerprint among the versions of the event this build knows.
 */
final class AvroCodec<T extends SpecificRecord> implements EventCodec<T> {
    private static final int HEADER_BYTES = 10;

    private final Schema schema;
    private final int maxBytes;
    private final Map<Long, DatumReader<T>> readers = new HashMap<>();
    private final BinaryMessageEncoder<T> encoder;

    AvroCodec(Class<T> type, int maxBytes) {
        this(type, maxBytes, List.of());
    }

    /** @param earlier schemas that events may have been written with, besides the current one */
    AvroCodec(Class<T> type, int maxBytes, List<Schema> earlier) {
        SpecificData model = new SpecificData(type.getClassLoader());
        this.schema = model.getSchema(type);
        this.maxBytes = maxBytes;
        for (Schema writer : earlier) {
            readers.put(SchemaNormalization.parsingFingerprint64(writer),
                    new SpecificDatumReader<>(writer, schema, model));
        }
        readers.put(SchemaNormalization.parsingFingerprint64(schema), new SpecificDatumReader<>(schema, schema, model));
        this.encoder = new BinaryMessageEncoder<>(model, schema);
    }

    static boolean looksLikeSingleObject(byte[] bytes) {
        return bytes.length >= 2 && bytes[0] == (byte) 0xC3 && bytes[1] == 0x01;
    }

    @Override
    public T decode(byte[] bytes) throws EventFormatException {
        if (bytes.length > maxBytes) {
            throw new EventFormatException(
                    "the event has " + bytes.length + " bytes, more than the limit of " + maxBytes);
        }
        if (!looksLikeSingleObject(bytes) || bytes.length < HEADER_BYTES) {
            throw new EventFormatException(
                    "the event is not Avro single-object encoded: it does not begin with C3 01 and "
                            + "the 8 bytes of a schema fingerprint");
        }
        long fingerprint = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(2);
        DatumReader<T> reader = readers.get(fingerprint);
        if (reader == null) {
            throw new EventFormatException(
                    "the event is written with an unknown schema of fingerprint %016x; known for %s: %s"
                            .formatted(fingerprint, schema.getFullName(), knownFingerprints()));
        }
        BinaryDecoder body = DecoderFactory.get().binaryDecoder(bytes, HEADER_BYTES, bytes.length - HEADER_BYTES, null);
        try {
            T event = reader.read(null, new BoundedDecoder(body));
            if (!body.isEnd()) {
                throw new EventFormatException("the event is followed by bytes that do not belong to it");
            }
            return event;
        } catch (EOFException e) {
            throw new EventFormatException("the event is cut off");
        } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException | UnsupportedOperationException e) {
            // Avro's decoders report malformed data by any of these.
            throw EventFormatException.of("the event is not a " + schema.getFullName(), e.getMessage());
        }
    }

    private String knownFingerprints() {
        return String.join(", ", readers.keySet().stream().map("%016x"::formatted).sorted().toList());
    }

    @Override
    public byte[] encode(T event) {
        try {
            ByteBuffer encoded = encoder.encode(event);
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            return bytes;
        } catch (IOException e) {
            throw new UncheckedIOException(e); // memory does not fail
        }
    }
}
