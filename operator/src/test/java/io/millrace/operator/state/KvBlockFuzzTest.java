package io.millrace.operator.state;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.fuzz.FuzzTarget;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whatever bytes state gives for a KV block, they are a block that can be written again or an {@link IOException}. */
public final class KvBlockFuzzTest {
    private static final FuzzTarget TARGET = new FuzzTarget(KvBlockFuzzTest.class, "kv-block", List.of("model/F16"),
            KvBlockFuzzTest::check);

    @TestFactory
    Stream<DynamicTest> everyInputIsABlockOrRefused() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    private static void check(byte[] input) throws IOException {
        KvBlock block;
        try {
            block = read(input);
        } catch (IOException e) {
            return;
        }
        assertThat(block.positions()).isBetween(0, 16);
        byte[] written = write(block);
        KvBlock again = read(written);
        assertThat(again.tag()).isEqualTo(block.tag());
        assertThat(again.positions()).isEqualTo(block.positions());
        assertThat(again.bytes()).isEqualTo(block.bytes());
        DataOutputSerializer copied = new DataOutputSerializer(64);
        KvBlockSerializer.INSTANCE.copy(new DataInputDeserializer(input), copied);
        assertThat(copied.getCopyOfBuffer()).isEqualTo(written);
    }

    private static KvBlock read(byte[] bytes) throws IOException {
        return KvBlockSerializer.INSTANCE.deserialize(new DataInputDeserializer(bytes));
    }

    private static byte[] write(KvBlock block) throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(64);
        KvBlockSerializer.INSTANCE.serialize(block, out);
        return out.getCopyOfBuffer();
    }
}
