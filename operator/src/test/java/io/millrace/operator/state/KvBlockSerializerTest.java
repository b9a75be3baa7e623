package io.millrace.operator.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;

class KvBlockSerializerTest {
    private final KvBlockSerializer serializer = KvBlockSerializer.INSTANCE;
    private final KvBlock block = new KvBlock("model/F16", 5, new byte[]{1, 2, 3, -4});

    private static void assertSame(KvBlock actual, KvBlock expected) {
        assertThat(actual.tag()).isEqualTo(expected.tag());
        assertThat(actual.positions()).isEqualTo(expected.positions());
        assertThat(actual.bytes()).isEqualTo(expected.bytes());
    }

    private byte[] serialized() throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(16);
        serializer.serialize(block, out);
        return out.getCopyOfBuffer();
    }

    @Test
    void aBlockSurvivesSerialization() throws IOException {
        assertSame(serializer.deserialize(new DataInputDeserializer(serialized())), block);
    }

    @Test
    void serializedBytesCanBeCopiedWithoutReadingThem() throws IOException {
        DataOutputSerializer copied = new DataOutputSerializer(16);
        serializer.copy(new DataInputDeserializer(serialized()), copied);
        assertThat(copied.getCopyOfBuffer()).isEqualTo(serialized());
    }

    @Test
    void aCopyIsTheSameInstance() {
        assertThat(serializer.isImmutableType()).isTrue();
        assertThat(serializer.copy(block)).isSameAs(block);
        assertThat(serializer.copy(block, serializer.createInstance())).isSameAs(block);
    }

    @Test
    void aSavepointSaysHowToReadItsBlocks() throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(16);
        TypeSerializerSnapshot.writeVersionedSnapshot(out, serializer.snapshotConfiguration());
        TypeSerializerSnapshot<KvBlock> read = TypeSerializerSnapshot.readVersionedSnapshot(
                new DataInputDeserializer(out.getCopyOfBuffer()), KvBlockSerializerTest.class.getClassLoader());
        TypeSerializer<KvBlock> restored = read.restoreSerializer();
        assertSame(restored.deserialize(new DataInputDeserializer(serialized())), block);
        assertThat(serializer.snapshotConfiguration().resolveSchemaCompatibility(read).isCompatibleAsIs()).isTrue();
    }

    @Test
    void aSavepointOfALaterFormatIsRefusedWithTheRemedy() {
        assertThatThrownBy(() -> new KvBlockSerializerSnapshot().readSnapshot(2,
                new DataInputDeserializer(new byte[0]), KvBlockSerializerTest.class.getClassLoader()))
                .isInstanceOf(IOException.class).hasMessageContaining("format 2, this build reads 1")
                .hasMessageContaining("restore with the build that wrote it");
    }
}
