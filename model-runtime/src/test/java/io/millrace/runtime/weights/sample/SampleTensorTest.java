package io.millrace.runtime.weights.sample;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.kernels.ScalarKernels;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.lang.foreign.Arena;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SampleTensorTest {

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void itsValuesAreManyAndOfOrdinarySize(TensorType type) {
        try (Arena arena = Arena.ofConfined()) {
            Tensor tensor = SampleTensor.random(type, 3, 512, 7, arena);
            float[] values = new float[512];
            new ScalarKernels().dequantize(tensor, 2, 0, 512, values, 0);

            assertThat(values).doesNotContain(Float.NaN);
            for (float value : values) {
                assertThat(Math.abs(value)).isLessThan(100);
            }
            assertThat(IntStream.range(0, 512).mapToObj(i -> values[i]).distinct().count())
                    .isGreaterThan(16);
        }
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void equalArgumentsGiveEqualBytes(TensorType type) {
        try (Arena arena = Arena.ofConfined()) {
            Tensor tensor = SampleTensor.random(type, 2, 256, 7, arena);

            assertThat(tensor.data().mismatch(SampleTensor.random(type, 2, 256, 7, arena).data())).isEqualTo(-1);
            assertThat(tensor.data().mismatch(SampleTensor.random(type, 2, 256, 8, arena).data())).isNotEqualTo(-1);
        }
    }
}
