package io.millrace.operator.shard;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operator.shard.ShardMessage.Compute;
import io.millrace.operator.shard.ShardMessage.Drawn;
import io.millrace.runtime.sampling.SamplingParameters;
import io.millrace.runtime.shard.DrawnTokens;
import io.millrace.runtime.shard.MicroBatch;
import io.millrace.runtime.shard.MicroBatch.Part;
import io.millrace.runtime.shard.MicroBatch.RowDrawing;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The sizes that are told are those that the serializer writes, to the byte. */
class WireFormatTest {
    private static final String NAME = "c:" + "x".repeat(WireFormat.NAME_CHARACTERS - 2);
    private static final SamplingParameters SAMPLING = new SamplingParameters(0.6f, 0, 0.9f, 0, 1, 0, 0, Map.of(), 7);

    private static int bytes(ShardMessage message, ActivationType type) throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(64);
        new ShardMessageSerializer(type).serialize(message, out);
        return out.length();
    }

    @ParameterizedTest
    @CsvSource({"F32, 1, 1, 64", "F32, 3, 1, 64", "BF16, 1, 1, 64", "BF16, 5, 1, 2048", "F32, 2, 40, 2048"})
    void aMicroBatchTakesTheBytesThatAreTold(ActivationType type, int sequences, int rowsOfEach, int hidden)
            throws IOException {
        List<Part> parts = IntStream.range(0, sequences).mapToObj(i -> new Part(i, NAME, 37, rowsOfEach, 3, new int[0],
                37, 37, new RowDrawing(SAMPLING, -1, 17, 37 + rowsOfEach, new int[0], new int[0]))).toList();
        int rows = sequences * rowsOfEach;
        Compute compute = new Compute(NAME, new MicroBatch(1, parts, new float[rows * hidden], 9, 5));

        assertThat(bytes(compute, type)).isEqualTo((int) WireFormat.microBatchBytes(hidden, type, sequences, rows));
    }

    @ParameterizedTest
    @CsvSource({"1", "2", "16"})
    void whatComesBackTakesTheBytesThatAreTold(int tokens) throws IOException {
        List<DrawnTokens.Part> parts = IntStream.range(0, tokens).mapToObj(i -> new DrawnTokens.Part(i,
                List.of(new DrawnTokens.Token(128_000 + i, Float.NaN, List.of(), null)))).toList();
        Drawn drawn = new Drawn(NAME, new DrawnTokens(1, parts, 5));

        assertThat(bytes(drawn, ActivationType.F32)).isEqualTo((int) WireFormat.drawnBytes(tokens));
    }
}
