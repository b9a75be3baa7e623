package io.millrace.operator.shard;

import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShardMessageSerializerTest {
    private static final String LONG_KEY = "c:" + "\u6c34\ud800".repeat(40_000);

    private static byte[] write(ShardMessage message, ActivationType type) throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(64);
        new ShardMessageSerializer(type).serialize(message, out);
        return out.getCopyOfBuffer();
    }

    private static ShardMessage written(ShardMessage message, ActivationType type) throws IOException {
        DataInputDeserializer in = new DataInputDeserializer(write(message, type));
        ShardMessage read = new ShardMessageSerializer(type).deserialize(in);
        assertThat(in.available()).isZero();
        return read;
    }

    private static Compute compute(float[] hidden) {
        SamplingParameters sampling = new SamplingParameters(0.8f, 40, 0.9f, 0.05f, 1.1f, 0.5f, -0.5f,
                Map.of(7, -100f, 9, 2.5f), Long.MIN_VALUE + 3);
        RowDrawing drawing = new RowDrawing(sampling, 2, 17, 40, new int[]{1, 2, 3}, new int[]{4, 5});
        return new Compute(LONG_KEY, new MicroBatch(Long.MAX_VALUE,
                List.of(new Part(0, LONG_KEY, 38, 3, 2, new int[]{9, 8, 7}, 32, 38, drawing),
                        new Part(1, "r:", 0, 5, 0, new int[0], 0, 0, null)),
                hidden, 12, 34));
    }

    private static int[] bits(ShardMessage compute) {
        float[] hidden = ((Compute) compute).batch().hidden();
        return IntStream.range(0, hidden.length).map(i -> Float.floatToRawIntBits(hidden[i])).toArray();
    }

    @Test
    void everyMessageComesBackAsItWas() throws IOException {
        DrawnTokens tokens = new DrawnTokens(5,
                List.of(new DrawnTokens.Part(0, List.of()), new DrawnTokens.Part(2, List.of(
                        new DrawnTokens.Token(128_255, -0.25f, List.of(new Alternative(1, -0.5f)), null),
                        new DrawnTokens.Token(0, Float.NaN, List.of(), "no finite logits")))),
                99);
        for (ShardMessage message : List.of(new Leave(LONG_KEY), new Forget("k"), new Drawn("k", tokens))) {
            assertThat(written(message, ActivationType.F32)).isEqualTo(message);
        }
        Save save = new Save("k", 20, 40, new int[]{3, 4});
        assertThat(written(save, ActivationType.F32)).usingRecursiveComparison().isEqualTo(save);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4095, 4096, 4097, 20_000})
    void activationsInF32KeepTheirBits(int count) throws IOException {
        Random random = new Random(count);
        float[] hidden = new float[count];
        for (int i = 0; i < count; i++) {
            hidden[i] = Float.intBitsToFloat(random.nextInt());
        }
        ShardMessage read = written(compute(hidden), ActivationType.F32);
        assertThat(bits(read)).isEqualTo(bits(compute(hidden)));
        assertThat(read).usingRecursiveComparison().ignoringFields("batch.hidden").isEqualTo(compute(hidden));
    }

    @Test
    void activationsInBf16AreRoundedOnce() throws IOException {
        float[] hidden = {1, -2.5f, 1.0039f, 3.14159f, Float.MIN_VALUE, Float.MAX_VALUE};
        float[] rounded = new float[hidden.length];
        for (int i = 0; i < hidden.length; i++) {
            rounded[i] = BFloat16.toFloat(BFloat16.of(hidden[i]));
        }
        ShardMessage once = written(compute(hidden), ActivationType.BF16);
        assertThat(bits(once)).isEqualTo(bits(compute(rounded)));
        assertThat(bits(written(once, ActivationType.BF16))).isEqualTo(bits(once));
    }

    /** What is beside the activations is small: of a row of the smallest Llama a hundredth. */
    @ParameterizedTest
    @EnumSource(ActivationType.class)
    void aDecodedTokenTakesItsActivationsAndAFewBytesMore(ActivationType type) throws IOException {
        int hidden = 2048;
        RowDrawing drawing = new RowDrawing(SamplingParameters.GREEDY, -1, 17, 40, new int[0], new int[0]);
        List<Part> parts = List.of(new Part(0, "c:alice", 39, 1, 3, new int[0], 39, 39, drawing));
        Compute one = new Compute("c:alice", new MicroBatch(1, parts, new float[hidden], 3, 0));

        assertThat(write(one, type).length - hidden * type.bytes()).isBetween(100, 150);
    }
}
