package io.millrace.job.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.message.BinaryMessageEncoder;
import org.junit.jupiter.api.Test;

class AvroCodecTest {
    private static final int LIMIT = 1 << 20;
    private final EventCodec<SessionControl> controls = EventFormat.AVRO.codec(SessionControl.class, LIMIT);

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    @Test
    void eventsAreSingleObjectEncoded() throws IOException {
        SessionControl control = new SessionControl("cancel", null, "r1");
        byte[] encoded = controls.encode(control);
        assertThat(encoded).startsWith(0xC3, 0x01);
        assertThat(SessionControl.fromByteBuffer(ByteBuffer.wrap(encoded))).isEqualTo(control);
    }

    @Test
    void anEventOfAnEarlierSchemaIsReadWithDefaults() throws Exception {
        Schema earlier = new Schema.Parser().parse("""
                {"type":"record","name":"SessionControl","namespace":"io.millrace.schemas","fields":[
                  {"name":"action","type":"string"},{"name":"reason","type":{"type":"array","items":"string"}}]}""");
        AvroCodec<SessionControl> codec = new AvroCodec<>(SessionControl.class, LIMIT, List.of(earlier));
        byte[] written = bytes(new BinaryMessageEncoder<>(GenericData.get(), earlier)
                .encode(new GenericRecordBuilder(earlier).set("action", "cancel").set("reason", List.of("a", "b"))
                        .build()));
        assertThat(codec.decode(written)).isEqualTo(new SessionControl("cancel", null, null));
    }

    @Test
    void anUnknownSchemaIsNamedByItsFingerprint() {
        byte[] other = EventFormat.AVRO.codec(PromptEvent.class, LIMIT).encode(PromptEvent.newBuilder().build());
        String fingerprint = "%016x".formatted(SchemaNormalization.parsingFingerprint64(PromptEvent.getClassSchema()));
        assertThatThrownBy(() -> controls.decode(other)).isInstanceOf(EventFormatException.class)
                .hasMessageContaining("unknown schema of fingerprint " + fingerprint)
                .hasMessageContaining("known for io.millrace.schemas.SessionControl: ");
    }

    @Test
    void jsonIsToldApart() {
        assertThatThrownBy(
                () -> controls.decode("{\"action\":\"cancel\"}".getBytes(java.nio.charset.StandardCharsets.UTF_8)))
                .isInstanceOf(EventFormatException.class).hasMessageContaining("does not begin with C3 01");
    }

    @Test
    void cutOffEventsAreRefusedAtEveryLength() {
        byte[] encoded = controls.encode(new SessionControl("end_session", "conversation", "request"));
        for (int length = 0; length < encoded.length; length++) {
            byte[] cut = Arrays.copyOf(encoded, length);
            assertThatThrownBy(() -> controls.decode(cut)).isInstanceOf(EventFormatException.class);
        }
    }

    @Test
    void bytesAfterTheEventAreRefused() {
        byte[] encoded = controls.encode(new SessionControl("cancel", null, null));
        assertThatThrownBy(() -> controls.decode(Arrays.copyOf(encoded, encoded.length + 1)))
                .isInstanceOf(EventFormatException.class).hasMessageContaining("bytes that do not belong to it");
    }

    @Test
    void aLengthBeyondTheInputIsRefusedBeforeMemoryIsTaken() throws IOException {
        byte[] header = Arrays.copyOf(controls.encode(new SessionControl("", null, null)), 10);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(header);
        BinaryEncoder lie = EncoderFactory.get().directBinaryEncoder(out, null);
        lie.writeLong(Integer.MAX_VALUE - 8);
        lie.flush();
        assertThatThrownBy(() -> controls.decode(out.toByteArray())).isInstanceOf(EventFormatException.class)
                .hasMessage("the event is cut off");
    }

    @Test
    void theSizeIsBounded() {
        assertThatThrownBy(() -> controls.decode(new byte[LIMIT + 1])).isInstanceOf(EventFormatException.class)
                .hasMessageContaining("more than the limit");
    }
}
