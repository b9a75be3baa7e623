package io.millrace.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.ValueLayout;
import java.util.List;

/** What holds for every model that was opened. */
final class Models {
    private Models() {}

    /** All layers, the first one and the last one. */
    static List<LayerRange> someRanges(LlamaConfig config) {
        return List.of(LayerRange.all(config), new LayerRange(0, 1),
                new LayerRange(config.layers() - 1, config.layers()));
    }

    /** What {@link LlamaConfig} and {@link Tensor} promise whoever computes with them. */
    static void checkPromises(LlamaWeights weights) {
        LlamaConfig config = weights.config();
        assertThat(config.heads() % config.kvHeads()).isZero();
        assertThat(config.headDim() % 2).isZero();
        assertThat(weights.ropeDivisors()).hasSize(config.headDim() / 2);
        assertThat(weights.layers()).hasSize(weights.range().layers());
        for (Tensor tensor : weights.tensors()) {
            assertThat(tensor.data().byteSize()).isEqualTo(tensor.rowOffset(tensor.rows() - 1)
                    + tensor.type().rowBytes(tensor.cols()));
            tensor.data().get(ValueLayout.JAVA_BYTE, tensor.data().byteSize() - 1);
        }
    }
}
