package io.millrace.runtime.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackedMatrix;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelWarmUpTest {

    @Test
    void multipliesWithEveryTypeOfTheModelAndWithOneAndSeveralRows(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("sample.gguf");
        SampleModel.write(file, SampleModel.Options.defaults().withType(TensorType.Q4_0));
        Recorder recorder = new Recorder();
        try (LlamaWeights weights = LlamaWeights.open(file);
                PackedWeights packed = PackedWeights.inMemory(weights)) {
            Set<TensorType> matrices = EnumSet.noneOf(TensorType.class);
            weights.tensors().stream().filter(tensor -> tensor.rows() > 1).forEach(t -> matrices.add(t.type()));

            KernelWarmUp.run(recorder, weights, packed, Duration.ofMillis(50));

            assertThat(recorder.types).isEqualTo(matrices);
            assertThat(recorder.rows).contains(1, 7, 18);
            assertThat(recorder.attended).isPositive();
            assertThat(recorder.cacheTypes).containsExactlyInAnyOrder(KvType.values());
        }
    }

    /** The scalar kernels, with a list of what was asked of them. */
    private static final class Recorder implements Kernels {
        private final Kernels scalar = new ScalarKernels();
        private final Set<TensorType> types = EnumSet.noneOf(TensorType.class);
        private final List<Integer> rows = new ArrayList<>();
        private final Set<KvType> cacheTypes = EnumSet.noneOf(KvType.class);
        private int attended;

        @Override
        public String name() {
            return "recorder";
        }

        @Override
        public void dequantize(Tensor weights, int row, int from, int count, float[] out,
                int outOffset) {
            scalar.dequantize(weights, row, from, count, out, outOffset);
        }

        @Override
        public void multiply(Tensor weights, int first, int outputs, float[] x, int xStride,
                int rowCount, float[] y, int yOffset, int yStride, KernelScratch scratch) {
            types.add(weights.type());
            rows.add(rowCount);
            scalar.multiply(weights, first, outputs, x, xStride, rowCount, y, yOffset, yStride, scratch);
        }

        @Override
        public void multiply(PackedMatrix weights, int tile, Activations x, int rowCount, float[] y, int yOffset,
                int yStride, KernelScratch scratch) {
            types.add(weights.layout().type());
            rows.add(rowCount);
            scalar.multiply(weights, tile, x, rowCount, y, yOffset, yStride, scratch);
        }

        @Override
        public void round(Activations x, int row, int from, int count, KernelScratch scratch) {
            scalar.round(x, row, from, count, scratch);
        }

        @Override
        public void rmsNorm(float[] x, int xOffset, int width, float[] weight, float eps, float[] y, int yOffset) {
            scalar.rmsNorm(x, xOffset, width, weight, eps, y, yOffset);
        }

        @Override
        public void swiGlu(float[] gate, int gateOffset, float[] up, int upOffset, int width) {
            scalar.swiGlu(gate, gateOffset, up, upOffset, width);
        }

        @Override
        public void add(float[] x, int xOffset, float[] y, int yOffset, int width) {
            scalar.add(x, xOffset, y, yOffset, width);
        }

        @Override
        public void toFloats(KvType type, MemorySegment source, long byteOffset, int count, float[] out,
                int outOffset) {
            cacheTypes.add(type);
            scalar.toFloats(type, source, byteOffset, count, out, outOffset);
        }

        @Override
        public void attendKeys(AttentionTile tile, int first, int count, int positions) {
            scalar.attendKeys(tile, first, count, positions);
        }

        @Override
        public void attendValues(AttentionTile tile, int first, int count, int positions) {
            attended++;
            scalar.attendValues(tile, first, count, positions);
        }
    }
}
