package io.millrace.operator.state;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.operator.RecordBytes;
import io.millrace.schemas.state.QueuedPrompt;
import io.millrace.schemas.state.SessionInput;
import io.millrace.schemas.state.SessionRecord;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.formats.avro.typeutils.AvroSerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every record of state comes back from its serializer as it was, and so do packed tokens. */
public final class StateRecordsFuzzTest {
    private static final FuzzTarget TARGET = new FuzzTarget(StateRecordsFuzzTest.class, "state-record", List.of(),
            StateRecordsFuzzTest::check);
    private static final AvroSerializer<SessionRecord> SESSIONS = new AvroSerializer<>(SessionRecord.class);
    private static final AvroSerializer<QueuedPrompt> QUEUED = new AvroSerializer<>(QueuedPrompt.class);
    private static final AvroSerializer<SessionInput> INPUTS = new AvroSerializer<>(SessionInput.class);

    @TestFactory
    Stream<DynamicTest> everyRecordComesBack() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    private static void check(byte[] input) throws IOException {
        checkRoundTrip(SESSIONS, RecordBytes.record(SessionRecord.class, input));
        checkRoundTrip(QUEUED, RecordBytes.record(QueuedPrompt.class, input));
        checkRoundTrip(INPUTS, RecordBytes.record(SessionInput.class, input));
        ByteBuffer packed = ByteBuffer.wrap(input, 0, input.length & ~3);
        assertThat(Tokens.unpack(packed).pack()).isEqualTo(packed);
    }

    private static <T extends SpecificRecord> void checkRoundTrip(AvroSerializer<T> serializer, T record)
            throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(256);
        serializer.serialize(record, out);
        DataInputDeserializer in = new DataInputDeserializer(out.getCopyOfBuffer());
        assertThat(same(serializer.deserialize(in), record)).as("deserialized").isTrue();
        assertThat(in.available()).isZero();
        assertThat(same(serializer.copy(record), record)).as("copied").isTrue();
    }

    /** Field by field: Avro's own equality is false for some records of which every field is equal. */
    private static boolean same(@Nullable Object a, @Nullable Object b) {
        if (a instanceof SpecificRecord left && b instanceof SpecificRecord right) {
            return left.getSchema().getFields().stream()
                    .allMatch(field -> same(left.get(field.pos()), right.get(field.pos())));
        }
        if (a instanceof List<?> left && b instanceof List<?> right) {
            return left.size() == right.size()
                    && IntStream.range(0, left.size()).allMatch(i -> same(left.get(i), right.get(i)));
        }
        return Objects.equals(a, b);
    }
}
