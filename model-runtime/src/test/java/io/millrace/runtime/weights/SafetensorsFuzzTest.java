package io.millrace.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.fuzz.Inputs;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whatever bytes a safetensors file has, it is tensors within it or refused with a {@link ModelFormatException}. */
public final class SafetensorsFuzzTest {
    private static final List<String> DICTIONARY = List.of("\"dtype\"", "\"shape\"", "\"data_offsets\"",
            "\"__metadata__\"", "\"F32\"", "\"F16\"", "\"BF16\"", "[0,4]", "[1,1]", "2147483647", "4294967296",
            "9223372036854775807", "-1", "1e999", "{}", "[]", "null");
    private static final FuzzTarget TARGET = new FuzzTarget(SafetensorsFuzzTest.class, "safetensors", DICTIONARY,
            SafetensorsFuzzTest::check);

    @TestFactory
    Stream<DynamicTest> everyInputIsTensorsOrRefused() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    private static void check(byte[] input) {
        try {
            long bytes = SafetensorsFile.parse(Path.of("model.safetensors"), MemorySegment.ofArray(input)).values()
                    .stream().mapToLong(tensor -> tensor.data().byteSize()).sum();
            assertThat(bytes).isLessThanOrEqualTo(input.length);
        } catch (ModelFormatException e) {
            Inputs.requireOneLine(e, "model.safetensors: ");
        }
    }
}
