package io.millrace.runtime.weights.sample;

import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** A matrix of random weights of any type, for measuring kernels without a model. */
public final class SampleTensor {
    private static final long ALIGNMENT = 64;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private SampleTensor() {}

    /**
     * Plain types get values between -1 and 1; block types every bit pattern of their quants, and scales below 0.02 in size, of
     * either sign. Equal arguments give equal bytes.
     *
     * @param arena that the memory is taken from
     */
    public static Tensor random(TensorType type, int rows, int cols, long seed, Arena arena) {
        SplittableRandom random = new SplittableRandom(seed);
        MemorySegment data = arena.allocate(rows * type.rowBytes(cols), ALIGNMENT);
        switch (type) {
            case F32, F16, BF16 -> fillValues(type, data, random);
            case Q8_0, Q4_0 -> fillBlocks(type, data, random, 0);
            case Q4_K, Q5_K -> fillBlocks(type, data, random, 0, 2);
            case Q6_K -> fillBlocks(type, data, random, 208);
        }
        return new Tensor("sample", type, rows, cols, data);
    }

    private static void fillValues(TensorType type, MemorySegment data, SplittableRandom random) {
        for (long at = 0; at < data.byteSize(); at += type.blockBytes()) {
            float value = (float) random.nextDouble(-1, 1);
            if (type == TensorType.F32) {
                data.set(FLOAT, at, value);
            } else {
                data.set(SHORT, at, type == TensorType.F16
                        ? Float.floatToFloat16(value)
                        : (short) (Float.floatToRawIntBits(value) >> 16));
            }
        }
    }

    /** @param scales offsets in a block of its f16 scales */
    private static void fillBlocks(TensorType type, MemorySegment data, SplittableRandom random, long... scales) {
        byte[] bytes = new byte[type.blockBytes()];
        for (long block = 0; block < data.byteSize(); block += bytes.length) {
            random.nextBytes(bytes);
            MemorySegment.copy(bytes, 0, data, ValueLayout.JAVA_BYTE, block, bytes.length);
            for (long scale : scales) {
                data.set(SHORT, block + scale, Float.floatToFloat16((float) random.nextDouble(-0.02, 0.02)));
            }
        }
    }
}
