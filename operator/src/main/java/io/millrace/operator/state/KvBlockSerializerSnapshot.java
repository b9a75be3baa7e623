package io.millrace.operator.state;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSchemaCompatibility;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Version of the bytes that {@link KvBlockSerializer} writes. What the bytes mean is in each block's tag: a block that this
 * build cannot use is computed again, so only the frame around it has a version.
 */
public final class KvBlockSerializerSnapshot implements TypeSerializerSnapshot<KvBlock> {
    private static final int VERSION = 1;

    @Override
    public int getCurrentVersion() {
        return VERSION;
    }

    @Override
    public void writeSnapshot(DataOutputView out) {
        // The version is all there is.
    }

    @Override
    public void readSnapshot(int readVersion, DataInputView in, ClassLoader userCodeClassLoader) throws IOException {
        if (readVersion != VERSION) {
            throw new IOException(
                    "KV blocks of the savepoint have format " + readVersion + ", this build reads " + VERSION
                            + ": restore with the build that wrote it, or a later one");
        }
    }

    @Override
    public TypeSerializer<KvBlock> restoreSerializer() {
        return KvBlockSerializer.INSTANCE;
    }

    @Override
    public TypeSerializerSchemaCompatibility<KvBlock> resolveSchemaCompatibility(
            TypeSerializerSnapshot<KvBlock> oldSerializerSnapshot) {
        return oldSerializerSnapshot instanceof KvBlockSerializerSnapshot
                ? TypeSerializerSchemaCompatibility.compatibleAsIs()
                : TypeSerializerSchemaCompatibility.incompatible();
    }
}
