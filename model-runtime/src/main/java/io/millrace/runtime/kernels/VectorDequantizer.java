package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.Lanes.FLOATS;
import static io.millrace.runtime.kernels.Lanes.LENGTH;

import io.millrace.runtime.weights.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.VectorOperators;

/** {@link ScalarDequantizer} in vectors, for the types whose products read the file layout. */
final class VectorDequantizer {
    private VectorDequantizer() {}

    static void dequantize(Tensor weights, int row, int from, int count, float[] out, int to) {
        MemorySegment data = weights.data();
        long at = ScalarDequantizer.offset(weights, row, from);
        switch (weights.type()) {
            case F32 -> MemorySegment.copy(data, ScalarDequantizer.FLOAT, at, out, to, count);
            case F16 -> ScalarDequantizer.f16(data, at, count, out, to); // the compiler vectorizes it
            case BF16 -> bf16(data, at, count, out, to);
            // Only the rows of an embedding: products read the packed form.
            case Q8_0, Q4_0, Q4_K, Q5_K, Q6_K -> ScalarDequantizer.dequantize(weights, row, from, count, out, to);
        }
    }

    private static void bf16(MemorySegment data, long at, int count, float[] out, int to) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += LENGTH) {
            Lanes.widened(data, at + 2L * i).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(out,
                    to + i);
        }
        ScalarDequantizer.bf16(data, at + 2L * whole, count - whole, out, to + whole);
    }
}
