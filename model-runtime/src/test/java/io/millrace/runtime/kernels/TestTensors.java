package io.millrace.runtime.kernels;

import io.millrace.runtime.packing.PackedMatrix;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/** Random weights and activations. */
final class TestTensors {
    private TestTensors() {}

    static Tensor random(TensorType type, int rows, int cols, long seed) {
        return SampleTensor.random(type, rows, cols, seed, Arena.ofAuto());
    }

    /** Sets every byte of a matrix that holds quants, and leaves scales and minima as they are. */
    static void fillQuants(Tensor matrix, byte value) {
        int from = switch (matrix.type()) {
            case Q8_0, Q4_0 -> 2;
            case Q4_K, Q5_K -> 16;
            case Q6_K -> 0;
            case F32, F16, BF16 -> throw new IllegalArgumentException(matrix.type() + " has no quants");
        };
        int end = matrix.type() == TensorType.Q6_K ? 192 : matrix.type().blockBytes();
        for (long block = 0; block < matrix.data().byteSize(); block += matrix.type().blockBytes()) {
            matrix.data().asSlice(block + from, end - from).fill(value);
        }
    }

    static PackedMatrix packed(Tensor source) {
        return PackedMatrix.pack(source, Arena.ofAuto());
    }

    static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToIntBits(values[i]);
        }
        return bits;
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
