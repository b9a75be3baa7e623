package io.millrace.runtime.kernels;

import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Random tensors: every bit pattern of the quants, scales and plain values near 1. */
final class TestTensors {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private TestTensors() {}

    static Tensor random(TensorType type, int rows, int cols, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        long bytes = rows * type.rowBytes(cols);
        MemorySegment data = Arena.ofAuto().allocate(bytes, 64);
        if (type.blockSize() == 1) {
            for (long i = 0; i < (long) rows * cols; i++) {
                float value = (float) random.nextDouble(-1, 1);
                switch (type) {
                    case F32 -> data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i, value);
                    case F16 -> data.set(SHORT, 2 * i, Float.floatToFloat16(value));
                    default -> data.set(SHORT, 2 * i, (short) (Float.floatToRawIntBits(value) >> 16));
                }
            }
        } else {
            for (long i = 0; i < bytes; i++) {
                data.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
            }
            for (long block = 0; block < bytes; block += type.blockBytes()) {
                int[] scales = switch (type) {
                    case Q4_K, Q5_K -> new int[]{0, 2};
                    case Q6_K -> new int[]{208};
                    default -> new int[]{0};
                };
                for (int at : scales) {
                    data.set(SHORT, block + at, Float.floatToFloat16((float) random.nextDouble(-0.02, 0.02)));
                }
            }
        }
        return new Tensor("test", type, rows, cols, data);
    }

    /** Rows of activations, zeros behind {@code cols}. */
    static float[] activations(int rows, int cols, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] x = new float[rows * Kernels.padded(cols)];
        for (int r = 0; r < rows; r++) {
            for (int k = 0; k < cols; k++) {
                x[r * Kernels.padded(cols) + k] = (float) random.nextDouble(-2, 2);
            }
        }
        return x;
    }

    static float[] floats(int count, double low, double high, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextDouble(low, high);
        }
        return values;
    }
}
