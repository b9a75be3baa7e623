package io.millrace.runtime.weights.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.runtime.weights.GgufFile;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TensorEncoderTest {

    private static String hex(TensorType type, float... values) {
        return HexFormat.of().formatHex(TensorEncoder.encode(type, values));
    }

    @Test
    void bfloat16RoundsToNearestTiesToEven() {
        assertThat(hex(TensorType.BF16, 1f)).isEqualTo("803f");
        assertThat(hex(TensorType.BF16, Float.intBitsToFloat(0x3f808000))).isEqualTo("803f");
        assertThat(hex(TensorType.BF16, Float.intBitsToFloat(0x3f818000))).isEqualTo("823f");
        assertThat(hex(TensorType.BF16, Float.intBitsToFloat(0x3f808001))).isEqualTo("813f");
    }

    @Test
    void q8RoundsHalfAwayFromZeroOnAScaleOfOne127thOfTheLargest() {
        float[] block = new float[32];
        block[0] = 127;
        block[1] = 2.5f;
        block[2] = -2.5f;
        assertThat(hex(TensorType.Q8_0, block)).isEqualTo("003c" + "7f" + "03" + "fd" + "00".repeat(29));
    }

    @Test
    void q4PutsTheLargestMagnitudeAtMinusEight() {
        float[] block = new float[32];
        block[0] = -8; // nibble 0
        block[1] = 7; // nibble 15
        block[16] = 8; // would be 16, clamped to 15
        assertThat(hex(TensorType.Q4_0, block)).isEqualTo("003c" + "f0" + "8f" + "88".repeat(14));
    }

    @Test
    void aBlockOfZerosHasAScaleOfZero() {
        assertThat(hex(TensorType.Q8_0, new float[32])).isEqualTo("00".repeat(34));
        assertThat(hex(TensorType.Q4_0, new float[32])).isEqualTo("0080" + "88".repeat(16));
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16", "Q8_0", "Q4_0"})
    void encodesTheRecordedModelByteForByte(TensorType type) {
        Path golden = Path.of(System.getProperty("millrace.shared", "absent"), "golden");
        assumeTrue(Files.isDirectory(golden), "the recorded models are not here: " + golden);
        String name = "tiny-" + type.name().toLowerCase(Locale.ROOT) + ".gguf";
        try (GgufFile from = GgufFile.open(golden.resolve("tiny-f32.gguf"));
                GgufFile expected = GgufFile.open(golden.resolve(name))) {
            for (Tensor tensor : expected.tensors().values()) {
                if (tensor.type() == type) {
                    float[] values = from.tensor(tensor.name()).orElseThrow().data().toArray(ValueLayout.JAVA_FLOAT);
                    assertThat(TensorEncoder.encode(type, values)).as(tensor.name())
                            .isEqualTo(tensor.data().toArray(ValueLayout.JAVA_BYTE));
                }
            }
        }
    }
}
