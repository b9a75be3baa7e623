package io.millrace.runtime.weights.export;

import io.millrace.runtime.weights.TensorType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Stores float values as a tensor type does, rounded as ggml's reference quantizer rounds them. */
public final class TensorEncoder {

    private TensorEncoder() {}

    /**
     * The bytes of {@code values}, whole rows whose length is a multiple of the type's block size.
     *
     * @throws IllegalArgumentException for the types whose blocks are of 256 values, which need a search
     */
    public static byte[] encode(TensorType type, float[] values) {
        ByteBuffer out = ByteBuffer.allocate(values.length / type.blockSize() * type.blockBytes())
                .order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < values.length; i += type.blockSize()) {
            switch (type) {
                case F32 -> out.putFloat(values[i]);
                case F16 -> out.putShort(Float.floatToFloat16(values[i]));
                case BF16 -> out.putShort(toBfloat16(values[i]));
                case Q8_0 -> putQ80(out, values, i);
                case Q4_0 -> putQ40(out, values, i);
                case Q4_K, Q5_K, Q6_K -> throw new IllegalArgumentException("type: " + type + " cannot be written");
            }
        }
        return out.array();
    }

    /** The upper half of the float, rounded to the nearest, ties to even. */
    private static short toBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }

    private static void putQ80(ByteBuffer out, float[] values, int from) {
        float scale = Math.abs(values[largest(values, from)]) / 127f;
        float inverse = scale == 0 ? 0 : 1 / scale;
        out.putShort(Float.floatToFloat16(scale));
        for (int i = 0; i < 32; i++) {
            float scaled = values[from + i] * inverse;
            out.put((byte) (scaled + Math.copySign(0.5f, scaled)));
        }
    }

    private static void putQ40(ByteBuffer out, float[] values, int from) {
        float scale = values[largest(values, from)] / -8f;
        float inverse = scale == 0 ? 0 : 1 / scale;
        out.putShort(Float.floatToFloat16(scale));
        for (int i = 0; i < 16; i++) {
            out.put((byte) (nibble(values[from + i] * inverse) | nibble(values[from + 16 + i] * inverse) << 4));
        }
    }

    private static int nibble(float scaled) {
        return Math.min(15, (int) (scaled + 8.5f));
    }

    /** Index of the first of the largest magnitudes in a block of 32. */
    private static int largest(float[] values, int from) {
        int largest = from;
        for (int i = from + 1; i < from + 32; i++) {
            if (Math.abs(values[i]) > Math.abs(values[largest])) {
                largest = i;
            }
        }
        return largest;
    }
}
