package io.millrace.operator.shard;

import io.millrace.operator.shard.ShardMessage.Compute;
import io.millrace.operator.shard.ShardMessage.Drawn;
import io.millrace.operator.shard.ShardMessage.Forget;
import io.millrace.operator.shard.ShardMessage.Leave;
import io.millrace.operator.shard.ShardMessage.Save;
import io.millrace.runtime.kernels.BFloat16;
import io.millrace.runtime.sampling.Alternative;
import io.millrace.runtime.sampling.SamplingParameters;
import io.millrace.runtime.shard.DrawnTokens;
import io.millrace.runtime.shard.MicroBatch;
import io.millrace.runtime.shard.MicroBatch.Part;
import io.millrace.runtime.shard.MicroBatch.RowDrawing;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.types.StringValue;

/**
 * Writes messages for the network between two shards of one job. They are never in state: what is on its way at a checkpoint is
 * sent again after a restore, so the bytes may change with every build.
 */
final class ShardMessageSerializer extends TypeSerializerSingleton<ShardMessage> {
    private static final long serialVersionUID = 1L;

    private static final int COMPUTE = 0;
    private static final int SAVE = 1;
    private static final int LEAVE = 2;
    private static final int FORGET = 3;
    private static final int DRAWN = 4;
    private static final int CHUNK_VALUES = 4096;

    private final ActivationType activations;

    ShardMessageSerializer(ActivationType activations) {
        this.activations = activations;
    }

    @Override
    public void serialize(ShardMessage message, DataOutputView out) throws IOException {
        switch (message) {
            case Compute(String key, MicroBatch batch) -> {
                out.writeByte(COMPUTE);
                StringValue.writeString(key, out);
                write(batch, out);
            }
            case Save(String key, int from, int to, int[] blocks) -> {
                out.writeByte(SAVE);
                StringValue.writeString(key, out);
                out.writeInt(from);
                out.writeInt(to);
                write(blocks, out);
            }
            case Leave(String key) -> {
                out.writeByte(LEAVE);
                StringValue.writeString(key, out);
            }
            case Forget(String key) -> {
                out.writeByte(FORGET);
                StringValue.writeString(key, out);
            }
            case Drawn(String key, DrawnTokens tokens) -> {
                out.writeByte(DRAWN);
                StringValue.writeString(key, out);
                write(tokens, out);
            }
        }
    }

    @Override
    public ShardMessage deserialize(DataInputView in) throws IOException {
        int kind = in.readUnsignedByte();
        String key = StringValue.readString(in);
        return switch (kind) {
            case COMPUTE -> new Compute(key, readMicroBatch(in));
            case SAVE -> new Save(key, in.readInt(), in.readInt(), readInts(in));
            case LEAVE -> new Leave(key);
            case FORGET -> new Forget(key);
            case DRAWN -> new Drawn(key, readDrawnTokens(in));
            default -> throw new IOException("a message of kind " + kind + " between shards: is every task manager of "
                    + "the same build?");
        };
    }

    private void write(MicroBatch batch, DataOutputView out) throws IOException {
        out.writeLong(batch.number());
        out.writeInt(batch.blocksUsed());
        out.writeLong(batch.computeNanos());
        out.writeInt(batch.parts().size());
        for (Part part : batch.parts()) {
            write(part, out);
        }
        writeActivations(batch.hidden(), out);
    }

    private MicroBatch readMicroBatch(DataInputView in) throws IOException {
        long number = in.readLong();
        int blocksUsed = in.readInt();
        long computeNanos = in.readLong();
        int count = in.readInt();
        List<Part> parts = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            parts.add(readPart(in));
        }
        return new MicroBatch(number, parts, readActivations(in), blocksUsed, computeNanos);
    }

    private static void write(Part part, DataOutputView out) throws IOException {
        out.writeInt(part.index());
        StringValue.writeString(part.sequence(), out);
        out.writeInt(part.position());
        out.writeInt(part.rows());
        out.writeInt(part.blocksFrom());
        write(part.blocks(), out);
        out.writeInt(part.restoreFrom());
        out.writeInt(part.restoreTo());
        RowDrawing drawing = part.rowDrawing();
        out.writeBoolean(drawing != null);
        if (drawing != null) {
            write(drawing.sampling(), out);
            out.writeInt(drawing.topLogprobs());
            out.writeInt(drawing.promptTokens());
            out.writeInt(drawing.known());
            write(drawing.tokens(), out);
            write(drawing.drafts(), out);
        }
    }

    private static Part readPart(DataInputView in) throws IOException {
        return new Part(in.readInt(), StringValue.readString(in), in.readInt(), in.readInt(), in.readInt(),
                readInts(in),
                in.readInt(), in.readInt(), in.readBoolean() ? readDrawing(in) : null);
    }

    private static RowDrawing readDrawing(DataInputView in) throws IOException {
        return new RowDrawing(readSampling(in), in.readInt(), in.readInt(), in.readInt(), readInts(in), readInts(in));
    }

    private static void write(SamplingParameters sampling, DataOutputView out) throws IOException {
        out.writeFloat(sampling.temperature());
        out.writeInt(sampling.topK());
        out.writeFloat(sampling.topP());
        out.writeFloat(sampling.minP());
        out.writeFloat(sampling.repetitionPenalty());
        out.writeFloat(sampling.presencePenalty());
        out.writeFloat(sampling.frequencyPenalty());
        out.writeInt(sampling.logitBias().size());
        for (Map.Entry<Integer, Float> bias : sampling.logitBias().entrySet()) {
            out.writeInt(bias.getKey());
            out.writeFloat(bias.getValue());
        }
        out.writeLong(sampling.seed());
    }

    private static SamplingParameters readSampling(DataInputView in) throws IOException {
        return new SamplingParameters(in.readFloat(), in.readInt(), in.readFloat(), in.readFloat(), in.readFloat(),
                in.readFloat(), in.readFloat(), readBias(in), in.readLong());
    }

    private static Map<Integer, Float> readBias(DataInputView in) throws IOException {
        int count = in.readInt();
        Map<Integer, Float> bias = HashMap.newHashMap(count);
        for (int i = 0; i < count; i++) {
            bias.put(in.readInt(), in.readFloat());
        }
        return bias;
    }

    private static void write(DrawnTokens tokens, DataOutputView out) throws IOException {
        out.writeLong(tokens.number());
        out.writeLong(tokens.computeNanos());
        out.writeInt(tokens.parts().size());
        for (DrawnTokens.Part part : tokens.parts()) {
            out.writeInt(part.index());
            out.writeInt(part.tokens().size());
            for (DrawnTokens.Token token : part.tokens()) {
                write(token, out);
            }
        }
    }

    private static DrawnTokens readDrawnTokens(DataInputView in) throws IOException {
        long number = in.readLong();
        long computeNanos = in.readLong();
        int count = in.readInt();
        List<DrawnTokens.Part> parts = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int index = in.readInt();
            int size = in.readInt();
            List<DrawnTokens.Token> tokens = new ArrayList<>(size);
            for (int j = 0; j < size; j++) {
                tokens.add(readToken(in));
            }
            parts.add(new DrawnTokens.Part(index, tokens));
        }
        return new DrawnTokens(number, parts, computeNanos);
    }

    private static void write(DrawnTokens.Token token, DataOutputView out) throws IOException {
        out.writeInt(token.token());
        out.writeFloat(token.logprob());
        out.writeInt(token.alternatives().size());
        for (Alternative alternative : token.alternatives()) {
            out.writeInt(alternative.token());
            out.writeFloat(alternative.logprob());
        }
        // Null is a string to it, too.
        StringValue.writeString(token.failure(), out);
    }

    private static DrawnTokens.Token readToken(DataInputView in) throws IOException {
        int token = in.readInt();
        float logprob = in.readFloat();
        int count = in.readInt();
        List<Alternative> alternatives = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            alternatives.add(new Alternative(in.readInt(), in.readFloat()));
        }
        return new DrawnTokens.Token(token, logprob, alternatives, StringValue.readString(in));
    }

    private static void write(int[] values, DataOutputView out) throws IOException {
        out.writeInt(values.length);
        for (int value : values) {
            out.writeInt(value);
        }
    }

    private static int[] readInts(DataInputView in) throws IOException {
        int[] values = new int[in.readInt()];
        for (int i = 0; i < values.length; i++) {
            values[i] = in.readInt();
        }
        return values;
    }

    private void writeActivations(float[] values, DataOutputView out) throws IOException {
        out.writeInt(values.length);
        ByteBuffer chunk = ByteBuffer.allocate(Math.min(values.length, CHUNK_VALUES) * activations.bytes());
        for (int from = 0; from < values.length; from += CHUNK_VALUES) {
            int count = Math.min(CHUNK_VALUES, values.length - from);
            switch (activations) {
                case F32 -> chunk.asFloatBuffer().put(values, from, count);
                case BF16 -> {
                    for (int i = 0; i < count; i++) {
                        chunk.putShort(i * Short.BYTES, BFloat16.of(values[from + i]));
                    }
                }
            }
            out.write(chunk.array(), 0, count * activations.bytes());
        }
    }

    private float[] readActivations(DataInputView in) throws IOException {
        float[] values = new float[in.readInt()];
        ByteBuffer chunk = ByteBuffer.allocate(Math.min(values.length, CHUNK_VALUES) * activations.bytes());
        for (int from = 0; from < values.length; from += CHUNK_VALUES) {
            int count = Math.min(CHUNK_VALUES, values.length - from);
            in.readFully(chunk.array(), 0, count * activations.bytes());
            switch (activations) {
                case F32 -> chunk.asFloatBuffer().get(values, from, count);
                case BF16 -> {
                    for (int i = 0; i < count; i++) {
                        values[from + i] = BFloat16.toFloat(chunk.getShort(i * Short.BYTES));
                    }
                }
            }
        }
        return values;
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        serialize(deserialize(source), target);
    }

    @Override
    public ShardMessage copy(ShardMessage from) {
        return from;
    }

    @Override
    public ShardMessage copy(ShardMessage from, ShardMessage reuse) {
        return from;
    }

    @Override
    public ShardMessage deserialize(ShardMessage reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public ShardMessage createInstance() {
        return new Leave("");
    }

    @Override
    public boolean isImmutableType() {
        return true;
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public TypeSerializerSnapshot<ShardMessage> snapshotConfiguration() {
        throw new UnsupportedOperationException("messages between shards are never in state");
    }
}
