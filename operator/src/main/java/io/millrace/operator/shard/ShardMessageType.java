package io.millrace.operator.shard;

import java.util.Objects;
import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.jspecify.annotations.Nullable;

/** Type of {@link ShardMessage}s whose residual stream travels as {@link ActivationType}. */
final class ShardMessageType extends TypeInformation<ShardMessage> {
    private static final long serialVersionUID = 1L;

    private final ActivationType activations;

    ShardMessageType(ActivationType activations) {
        this.activations = activations;
    }

    @Override
    public TypeSerializer<ShardMessage> createSerializer(SerializerConfig config) {
        return new ShardMessageSerializer(activations);
    }

    @Override
    public Class<ShardMessage> getTypeClass() {
        return ShardMessage.class;
    }

    @Override
    public boolean isBasicType() {
        return false;
    }

    @Override
    public boolean isTupleType() {
        return false;
    }

    @Override
    public int getArity() {
        return 1;
    }

    @Override
    public int getTotalFields() {
        return 1;
    }

    @Override
    public boolean isKeyType() {
        return false;
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof ShardMessageType;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof ShardMessageType type && type.activations == activations;
    }

    @Override
    public int hashCode() {
        return Objects.hash(ShardMessageType.class, activations);
    }

    @Override
    public String toString() {
        return "ShardMessage<" + activations + ">";
    }
}
