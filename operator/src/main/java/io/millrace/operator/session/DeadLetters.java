package io.millrace.operator.session;

import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.state.Origin;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.avro.specific.SpecificRecordBase;
import org.jspecify.annotations.Nullable;

/** Writes dead letters: the original bytes where they are known, else the event as an Avro single object. */
final class DeadLetters {
    private DeadLetters() {}

    /**
     * A dead letter.
     *
     * @param event what was wrong, for inputs that come without their origin
     */
    static DeadLetter of(String code, String message, SpecificRecordBase event, @Nullable Origin origin) {
        DeadLetter.Builder letter = DeadLetter.newBuilder().setReasonCode(code).setMessage(message);
        if (origin == null) {
            return letter.setValue(encode(event)).build();
        }
        return letter.setSourceTopic(origin.getTopic()).setSourcePartition(origin.getPartition())
                .setSourceOffset(origin.getOffset()).setSourceTimestamp(origin.getTimestamp()).setKey(origin.getKey())
                .setValue(origin.getValue()).build();
    }

    private static ByteBuffer encode(SpecificRecordBase event) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            new BinaryMessageEncoder<>(event.getSpecificData(), event.getSchema()).encode(event, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException("a byte array refused bytes", e);
        }
        return ByteBuffer.wrap(bytes.toByteArray());
    }
}
