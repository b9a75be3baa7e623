package io.millrace.operator.state;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes a {@link KvBlock} as its tag, its positions, the number of its bytes, its bytes. */
public final class KvBlockSerializer extends TypeSerializerSingleton<KvBlock> {
    static final KvBlockSerializer INSTANCE = new KvBlockSerializer();

    @Override
    public boolean isImmutableType() {
        return true;
    }

    @Override
    public KvBlock createInstance() {
        return new KvBlock("", 0, new byte[0]);
    }

    @Override
    public KvBlock copy(KvBlock from) {
        return from;
    }

    @Override
    public KvBlock copy(KvBlock from, KvBlock reuse) {
        return from;
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public void serialize(KvBlock block, DataOutputView target) throws IOException {
        target.writeUTF(block.tag());
        target.writeInt(block.positions());
        target.writeInt(block.length());
        target.write(block.bytes());
    }

    @Override
    public KvBlock deserialize(DataInputView source) throws IOException {
        String tag = source.readUTF();
        int positions = source.readInt();
        byte[] bytes = new byte[source.readInt()];
        source.readFully(bytes);
        return new KvBlock(tag, positions, bytes);
    }

    @Override
    public KvBlock deserialize(KvBlock reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        target.writeUTF(source.readUTF());
        target.writeInt(source.readInt());
        int length = source.readInt();
        target.writeInt(length);
        target.write(source, length);
    }

    @Override
    public TypeSerializerSnapshot<KvBlock> snapshotConfiguration() {
        return new KvBlockSerializerSnapshot();
    }
}
