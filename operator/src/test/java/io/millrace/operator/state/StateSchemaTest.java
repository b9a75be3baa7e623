package io.millrace.operator.state;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.state.ModelRecord;
import io.millrace.schemas.state.QueuedPrompt;
import io.millrace.schemas.state.RunningTurn;
import io.millrace.schemas.state.SessionInput;
import io.millrace.schemas.state.SessionRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.formats.avro.typeutils.AvroSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Savepoints outlive builds: what state is made of can be read by older and by newer ones. */
class StateSchemaTest {

    static Stream<Schema> schemas() {
        return Stream.of(SessionRecord.getClassSchema(), RunningTurn.getClassSchema(), QueuedPrompt.getClassSchema(),
                SessionInput.getClassSchema(), ModelRecord.getClassSchema());
    }

    /** The schema as it was before {@code field}, or as it will be without it. */
    private static Schema without(Schema schema, Schema.Field field) {
        List<Schema.Field> others = new ArrayList<>();
        for (Schema.Field each : schema.getFields()) {
            if (!each.name().equals(field.name())) {
                others.add(new Schema.Field(each, each.schema()));
            }
        }
        return Schema.createRecord(schema.getName(), schema.getDoc(), schema.getNamespace(), false, others);
    }

    private static void assertReads(Schema reader, Schema writer) {
        assertThat(SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getType())
                .isEqualTo(SchemaCompatibilityType.COMPATIBLE);
    }

    @ParameterizedTest
    @MethodSource("schemas")
    void aFieldCanComeAndGo(Schema schema) {
        for (Schema.Field field : schema.getFields()) {
            if (field.name().equals("prompt") && schema.getName().equals("QueuedPrompt")) {
                continue; // A queued prompt without its prompt is nothing.
            }
            assertReads(schema, without(schema, field));
            assertReads(without(schema, field), schema);
        }
    }

    @ParameterizedTest
    @MethodSource("schemas")
    void everyFieldSaysWhatItIs(Schema schema) {
        assertThat(schema.getDoc()).isNotBlank();
        assertThat(schema.getFields()).allMatch(field -> field.doc() != null && !field.doc().isBlank());
    }

    @Test
    void aSavepointSaysHowToReadItsRecords() throws Exception {
        Tokens tokens = new Tokens();
        tokens.addAll(new int[]{1, 2, 3});
        SessionRecord record = SessionRecord.newBuilder().setTokens(tokens.pack()).setTurns(2)
                .setRecentRequestIds(List.of("r1", "r2"))
                .setRunning(RunningTurn.newBuilder().setText("So far").build()).build();
        assertThat(readBack(record, SessionRecord.class)).isEqualTo(record);
    }

    private static <T extends SpecificRecordBase> T readBack(T record, Class<T> type) throws Exception {
        AvroSerializer<T> serializer = new AvroSerializer<>(type);
        DataOutputSerializer savepoint = new DataOutputSerializer(64);
        TypeSerializerSnapshot.writeVersionedSnapshot(savepoint, serializer.snapshotConfiguration());
        serializer.serialize(record, savepoint);
        DataInputDeserializer in = new DataInputDeserializer(savepoint.getCopyOfBuffer());
        TypeSerializerSnapshot<T> snapshot = TypeSerializerSnapshot.readVersionedSnapshot(in, type.getClassLoader());
        TypeSerializer<T> restored = snapshot.restoreSerializer();
        assertThat(serializer.snapshotConfiguration().resolveSchemaCompatibility(snapshot).isCompatibleAsIs()).isTrue();
        return restored.deserialize(in);
    }
}
