package io.millrace.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.ValueLayout;

/** What holds for every model that was opened. */
final class Models {
    private Models() {}

    /** What {@link LlamaConfig} and {@link Tensor} promise whoever computes with them. */
    static void checkPromises(LlamaWeights weights) {
        LlamaConfig config = weights.config();
        assertThat(config.heads() % config.kvHeads()).isZero();
        assertThat(config.headDim() % 2).isZero();
        assertThat(weights.ropeDivisors()).hasSize(config.headDim() / 2);
        assertThat(weights.layers()).hasSize(config.layers());
        for (Tensor tensor : weights.tensors()) {
            assertThat(tensor.data().byteSize()).isEqualTo(tensor.rowOffset(tensor.rows() - 1)
                    + tensor.type().rowBytes(tensor.cols()));
            tensor.data().get(ValueLayout.JAVA_BYTE, tensor.data().byteSize() - 1);
        }
    }
}
