package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.Lanes.FLOATS;
import static io.millrace.runtime.kernels.Lanes.LENGTH;
import static io.millrace.runtime.kernels.Lanes.load;

import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackedMatrix;
import io.millrace.runtime.weights.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The kernels in the Vector API. Only {@link KernelProvider} names this class, after it saw that the module
 * {@code jdk.incubator.vector} is there.
 */
final class VectorKernels implements Kernels {

    /** Whether the vectors are ones that the kernels are written for. */
    static boolean supported() {
        return Lanes.supported();
    }

    /** Whether the machine has no such vectors. */
    static boolean emulated() {
        return Lanes.emulated();
    }

    /** Whether the vectors are the widest that the kernels are written for. */
    static boolean widest() {
        return Lanes.WIDE;
    }

    @Override
    public String name() {
        return "vector (" + FLOATS.vectorBitSize() + " bit)";
    }

    @Override
    public void dequantize(Tensor weights, int row, int from, int count, float[] out, int outOffset) {
        VectorDequantizer.dequantize(weights, row, from, count, out, outOffset);
    }

    @Override
    public void multiply(Tensor weights, int first, int outputs, float[] x, int xStride, int rows, float[] y,
            int yOffset, int yStride, KernelScratch scratch) {
        VectorMultiply.multiply(weights, first, outputs, x, xStride, rows, y, yOffset, yStride, scratch.floats);
    }

    @Override
    public void multiply(PackedMatrix weights, int tile, Activations x, int rows, float[] y, int yOffset,
            int yStride, KernelScratch scratch) {
        if (weights.layout().integers()) {
            VectorIntegerMultiply.multiply(weights, tile, x, rows, y, yOffset, yStride, scratch);
        } else {
            VectorFloatMultiply.multiply(weights, tile, x, rows, y, yOffset, yStride, scratch);
        }
    }

    @Override
    public void round(Activations x, int row, int from, int count, KernelScratch scratch) {
        int[] rounded = scratch.rounded;
        for (int block = from / Activations.BLOCK; block < (from + count) / Activations.BLOCK; block++) {
            int at = row * x.stride() + block * Activations.BLOCK;
            IntVector bits = IntVector.zero(Lanes.INTS);
            for (int k = 0; k < Activations.BLOCK; k += LENGTH) {
                bits = bits.max(load(x.values(), at + k).reinterpretAsInts().and(Rounding.MAGNITUDE));
            }
            float largest = Float.intBitsToFloat(bits.reduceLanes(VectorOperators.MAX));
            FloatVector inverse = FloatVector.broadcast(FLOATS, Rounding.inverse(largest));
            FloatVector rounder = FloatVector.broadcast(FLOATS, Rounding.ROUNDER);
            for (int k = 0; k < Activations.BLOCK; k += LENGTH) {
                load(x.values(), at + k).fma(inverse, rounder).reinterpretAsInts().sub(Rounding.ROUNDER_BITS)
                        .intoArray(rounded, k);
            }
            Rounding.store(x, row, block, largest, rounded);
        }
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, int width, float[] weight, float eps, float[] y, int yOffset) {
        float scale = ScalarKernels.rmsScale(sumOfSquares(x, xOffset, width), width, eps);
        int whole = FLOATS.loopBound(width);
        for (int i = 0; i < whole; i += LENGTH) {
            load(x, xOffset + i).mul(scale).mul(load(weight, i)).intoArray(y, yOffset + i);
        }
        for (int i = whole; i < width; i++) {
            y[yOffset + i] = x[xOffset + i] * scale * weight[i];
        }
    }

    private static float sumOfSquares(float[] x, int offset, int width) {
        FloatVector low = FloatVector.zero(FLOATS);
        FloatVector high = low;
        for (int i = 0; i < width; i += LANES) {
            FloatVector value = load(x, offset + i);
            low = value.fma(value, low);
            if (!Lanes.WIDE) {
                FloatVector upper = load(x, offset + i + LENGTH);
                high = upper.fma(upper, high);
            }
        }
        return Lanes.sum(low, high);
    }

    @Override
    public void swiGlu(float[] gate, int gateOffset, float[] up, int upOffset, int width) {
        int whole = FLOATS.loopBound(width);
        for (int i = 0; i < whole; i += LENGTH) {
            load(gate, gateOffset + i).mul(load(up, upOffset + i)).intoArray(up, upOffset + i);
        }
        Lanes.exp(gate, gateOffset, whole, -1, 0);
        for (int i = 0; i < whole; i += LENGTH) {
            load(up, upOffset + i).div(load(gate, gateOffset + i).add(1)).intoArray(gate, gateOffset + i);
        }
        for (int i = whole; i < width; i++) {
            gate[gateOffset + i] = ScalarKernels.swiGlu(gate[gateOffset + i], up[upOffset + i]);
        }
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int width) {
        int whole = FLOATS.loopBound(width);
        for (int i = 0; i < whole; i += LENGTH) {
            load(x, xOffset + i).add(load(y, yOffset + i)).intoArray(x, xOffset + i);
        }
        for (int i = whole; i < width; i++) {
            x[xOffset + i] += y[yOffset + i];
        }
    }

    @Override
    public void toFloats(KvType type, MemorySegment source, long byteOffset, int count, float[] out, int outOffset) {
        if (type == KvType.BF16) {
            bfloatsToFloats(source, byteOffset, count, out, outOffset);
        } else {
            ScalarKvReader.toFloats(type, source, byteOffset, count, out, outOffset);
        }
    }

    private static void bfloatsToFloats(MemorySegment source, long byteOffset, int count, float[] out, int outOffset) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += LENGTH) {
            Lanes.widened(source, byteOffset + 2L * i).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats()
                    .intoArray(out, outOffset + i);
        }
        ScalarKvReader.bf16(source, byteOffset + 2L * whole, count - whole, out, outOffset + whole);
    }

    @Override
    public void attendKeys(AttentionTile tile, int first, int count, int positions) {
        VectorAttention.attendKeys(tile, first, count, positions);
    }

    @Override
    public void attendValues(AttentionTile tile, int first, int count, int positions) {
        VectorAttention.attendValues(tile, first, count, positions);
    }
}
