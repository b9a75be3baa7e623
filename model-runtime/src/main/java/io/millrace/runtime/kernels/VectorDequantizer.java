package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.Lanes.FLOATS;
import static io.millrace.runtime.kernels.Lanes.LENGTH;

import io.millrace.runtime.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** {@link ScalarDequantizer} in vectors; the layouts of the blocks are told there. */
final class VectorDequantizer {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private VectorDequantizer() {}

    static void dequantize(Tensor weights, int row, int from, int count, float[] out, int to) {
        MemorySegment data = weights.data();
        long at = ScalarDequantizer.offset(weights, row, from);
        int blocks = count / weights.type().blockSize();
        switch (weights.type()) {
            case F32 -> MemorySegment.copy(data, ScalarDequantizer.FLOAT, at, out, to, count);
            case F16 -> ScalarDequantizer.f16(data, at, count, out, to); // the compiler vectorizes it
            case BF16 -> bf16(data, at, count, out, to);
            case Q8_0 -> q80(data, at, blocks, out, to);
            case Q4_0 -> q40(data, at, blocks, out, to);
            case Q4_K -> q4k(data, at, blocks, out, to);
            case Q5_K -> q5k(data, at, blocks, out, to);
            case Q6_K -> q6k(data, at, blocks, out, to);
        }
    }

    private static void bf16(MemorySegment data, long at, int count, float[] out, int to) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += LENGTH) {
            Lanes.shorts(data, at + 2L * i).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(out,
                    to + i);
        }
        ScalarDequantizer.bf16(data, at + 2L * whole, count - whole, out, to + whole);
    }

    private static void q80(MemorySegment data, long at, int blocks, float[] out, int to) {
        for (int b = 0; b < blocks; b++) {
            long block = at + b * 34L;
            FloatVector d = FloatVector.broadcast(FLOATS, ScalarDequantizer.half(data, block));
            for (int i = 0; i < 32; i += LENGTH) {
                Lanes.signedBytes(data, block + 2 + i).mul(d).intoArray(out, to + b * 32 + i);
            }
        }
    }

    private static void q40(MemorySegment data, long at, int blocks, float[] out, int to) {
        for (int b = 0; b < blocks; b++) {
            long block = at + b * 18L;
            FloatVector d = FloatVector.broadcast(FLOATS, ScalarDequantizer.half(data, block));
            for (int i = 0; i < 16; i += LENGTH) {
                IntVector q = Lanes.unsignedBytes(data, block + 2 + i);
                int target = to + b * 32 + i;
                Lanes.toFloats(q.and(15).sub(8)).mul(d).intoArray(out, target);
                Lanes.toFloats(q.lanewise(VectorOperators.LSHR, 4).sub(8)).mul(d).intoArray(out, target + 16);
            }
        }
    }

    /** The eight 6-bit scales of a Q4_K or Q5_K block, a byte each. */
    private static long scales(MemorySegment data, long at) {
        int first = data.get(INT, at);
        int last = data.get(INT, at + 8);
        int high = (last & 0x0f0f0f0f) | (first >>> 2 & 0x30303030);
        return (first & 0x3f3f3f3fL) | (long) high << 32;
    }

    /** The eight 6-bit minima, as {@link #scales}. */
    private static long minima(MemorySegment data, long at) {
        int middle = data.get(INT, at + 4);
        int last = data.get(INT, at + 8);
        int high = (last >>> 4 & 0x0f0f0f0f) | (middle >>> 2 & 0x30303030);
        return (middle & 0x3f3f3f3fL) | (long) high << 32;
    }

    private static int sixBits(long packed, int group) {
        return (int) (packed >>> (group * 8)) & 63;
    }

    private static void q4k(MemorySegment data, long at, int blocks, float[] out, int to) {
        for (int b = 0; b < blocks; b++) {
            long block = at + b * 144L;
            float d = ScalarDequantizer.half(data, block);
            float dmin = ScalarDequantizer.half(data, block + 2);
            long scales = scales(data, block + 4);
            long minima = minima(data, block + 4);
            for (int group = 0; group < 8; group += 2) {
                // The product is exact, so that one rounding by fma is the one of the difference.
                FloatVector scale0 = FloatVector.broadcast(FLOATS, d * sixBits(scales, group));
                FloatVector scale1 = FloatVector.broadcast(FLOATS, d * sixBits(scales, group + 1));
                FloatVector minimum0 = FloatVector.broadcast(FLOATS, -(dmin * sixBits(minima, group)));
                FloatVector minimum1 = FloatVector.broadcast(FLOATS, -(dmin * sixBits(minima, group + 1)));
                for (int i = 0; i < 32; i += LENGTH) {
                    IntVector q = Lanes.unsignedBytes(data, block + 16 + group * 16L + i);
                    int target = to + b * 256 + group * 32 + i;
                    Lanes.toFloats(q.and(15)).fma(scale0, minimum0).intoArray(out, target);
                    Lanes.toFloats(q.lanewise(VectorOperators.LSHR, 4)).fma(scale1, minimum1).intoArray(out,
                            target + 32);
                }
            }
        }
    }

    private static void q5k(MemorySegment data, long at, int blocks, float[] out, int to) {
        for (int b = 0; b < blocks; b++) {
            long block = at + b * 176L;
            float d = ScalarDequantizer.half(data, block);
            float dmin = ScalarDequantizer.half(data, block + 2);
            long scales = scales(data, block + 4);
            long minima = minima(data, block + 4);
            for (int group = 0; group < 8; group += 2) {
                FloatVector scale0 = FloatVector.broadcast(FLOATS, d * sixBits(scales, group));
                FloatVector scale1 = FloatVector.broadcast(FLOATS, d * sixBits(scales, group + 1));
                FloatVector minimum0 = FloatVector.broadcast(FLOATS, -(dmin * sixBits(minima, group)));
                FloatVector minimum1 = FloatVector.broadcast(FLOATS, -(dmin * sixBits(minima, group + 1)));
                for (int i = 0; i < 32; i += LENGTH) {
                    IntVector high = Lanes.unsignedBytes(data, block + 16 + i).lanewise(VectorOperators.LSHR, group);
                    IntVector q = Lanes.unsignedBytes(data, block + 48 + group * 16L + i);
                    IntVector q0 = q.and(15).or(high.and(1).lanewise(VectorOperators.LSHL, 4));
                    IntVector q1 = q.lanewise(VectorOperators.LSHR, 4)
                            .or(high.and(2).lanewise(VectorOperators.LSHL, 3));
                    int target = to + b * 256 + group * 32 + i;
                    Lanes.toFloats(q0).fma(scale0, minimum0).intoArray(out, target);
                    Lanes.toFloats(q1).fma(scale1, minimum1).intoArray(out, target + 32);
                }
            }
        }
    }

    private static void q6k(MemorySegment data, long at, int blocks, float[] out, int to) {
        for (int b = 0; b < blocks; b++) {
            long block = at + b * 210L;
            float d = ScalarDequantizer.half(data, block + 208);
            for (int part = 0; part < 4; part++) { // half of the block, then half of its 64 bytes of nibbles
                int side = part & 1;
                long high = block + 128 + (part >> 1) * 32L;
                long scales = block + 192 + (part >> 1) * 8L + side * 2L;
                int target = to + b * 256 + (part >> 1) * 128 + side * 32;
                for (int i = 0; i < 32; i += LENGTH) {
                    IntVector low = Lanes.unsignedBytes(data, block + part * 32L + i);
                    IntVector pairs = Lanes.unsignedBytes(data, high + i).lanewise(VectorOperators.LSHR, side * 2);
                    IntVector q0 = low.and(15).or(pairs.and(3).lanewise(VectorOperators.LSHL, 4));
                    IntVector q1 = low.lanewise(VectorOperators.LSHR, 4).or(pairs.and(48));
                    float scale0 = d * data.get(ValueLayout.JAVA_BYTE, scales + (i >> 4));
                    float scale1 = d * data.get(ValueLayout.JAVA_BYTE, scales + 4 + (i >> 4));
                    Lanes.toFloats(q0.sub(32)).mul(scale0).intoArray(out, target + i);
                    Lanes.toFloats(q1.sub(32)).mul(scale1).intoArray(out, target + 64 + i);
                }
            }
        }
    }
}
