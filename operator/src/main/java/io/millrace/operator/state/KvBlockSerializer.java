package io.millrace.operator.state;

import io.millrace.runtime.kv.KvLayout;
import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes a {@link KvBlock} as its tag, its positions, the number of its bytes, its bytes. */
public final class KvBlockSerializer extends TypeSerializerSingleton<KvBlock> {
    static final KvBlockSerializer INSTANCE = new KvBlockSerializer();
    private static final int CHUNK_BYTES = 1 << 20;

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
        int length = source.readInt();
        if (positions < 0 || positions > KvLayout.BLOCK_POSITIONS || length < 0) {
            throw new IOException("a KV block of " + positions + " positions and " + length
                    + " bytes in state; the checkpoint is damaged, restore from another one");
        }
        // A damaged length must not ask for more memory than there are bytes; parts of blocks are seldom larger.
        byte[] bytes = new byte[Math.min(length, CHUNK_BYTES)];
        source.readFully(bytes);
        while (bytes.length < length) {
            int read = bytes.length;
            bytes = Arrays.copyOf(bytes, (int) Math.min(length, 2L * read));
            source.readFully(bytes, read, bytes.length - read);
        }
        return new KvBlock(tag, positions, bytes);
    }

    @Override
    public KvBlock deserialize(KvBlock reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        serialize(deserialize(source), target);
    }

    @Override
    public TypeSerializerSnapshot<KvBlock> snapshotConfiguration() {
        return new KvBlockSerializerSnapshot();
    }
}
