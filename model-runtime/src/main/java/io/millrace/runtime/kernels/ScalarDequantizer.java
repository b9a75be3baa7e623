package io.millrace.runtime.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.millrace.runtime.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Weights to f32, by the block layouts of ggml ({@code ggml-common.h}, {@code ggml-quants.c}). */
final class ScalarDequantizer {
    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private ScalarDequantizer() {}

    static void dequantize(Tensor weights, int row, int from, int count, float[] out, int to) {
        MemorySegment data = weights.data();
        long at = offset(weights, row, from);
        int blocks = count / weights.type().blockSize();
        switch (weights.type()) {
            case F32 -> MemorySegment.copy(data, FLOAT, at, out, to, count);
            case F16 -> f16(data, at, count, out, to);
            case BF16 -> bf16(data, at, count, out, to);
            case Q8_0 -> q80(data, at, blocks, out, to);
            case Q4_0 -> q40(data, at, blocks, out, to);
            case Q4_K -> q4k(data, at, blocks, out, to);
            case Q5_K -> q5k(data, at, blocks, out, to);
            case Q6_K -> q6k(data, at, blocks, out, to);
        }
    }

    /** Byte offset of a column that starts a block. */
    static long offset(Tensor weights, int row, int column) {
        return weights.rowOffset(row) + weights.type().rowBytes(column);
    }

    static float half(MemorySegment data, long at) {
        return Float.float16ToFloat(data.get(SHORT, at));
    }

    static int unsigned(MemorySegment data, long at) {
        return data.get(JAVA_BYTE, at) & 0xff;
    }

    static void f16(MemorySegment data, long at, int count, float[] out, int to) {
        for (int i = 0; i < count; i++) {
            out[to + i] = Float.float16ToFloat(data.get(SHORT, at + 2L * i));
        }
    }

    static void bf16(MemorySegment data, long at, int count, float[] out, int to) {
        for (int i = 0; i < count; i++) {
            out[to + i] = Float.intBitsToFloat(data.get(SHORT, at + 2L * i) << 16);
        }
    }

    /** f16 d, 32 x int8 q: d * q. */
    private static void q80(MemorySegment data, long at, int blocks, float[] out, int to) {
        for (int b = 0; b < blocks; b++, at += 34, to += 32) {
            float d = half(data, at);
            for (int i = 0; i < 32; i++) {
                out[to + i] = d * data.get(JAVA_BYTE, at + 2 + i);
            }
        }
    }

    /** f16 d, 16 bytes: d * (q - 8); low nibbles are values 0 to 15, high ones 16 to 31. */
    private static void q40(MemorySegment data, long at, int blocks, float[] out, int to) {
        for (int b = 0; b < blocks; b++, at += 18, to += 32) {
            float d = half(data, at);
            for (int i = 0; i < 16; i++) {
                int q = unsigned(data, at + 2 + i);
                out[to + i] = d * ((q & 15) - 8);
                out[to + 16 + i] = d * ((q >> 4) - 8);
            }
        }
    }

    /**
     * The 6-bit scale of group {@code group} (0 to 7) of a Q4_K or Q5_K block whose 12 packed bytes are at {@code at}:
     * bytes 0 to 3 hold scales, 4 to 7 minima of the first four groups, their high bits the top of the other four's.
     */
    static int scale(MemorySegment data, long at, int group) {
        return group < 4
                ? unsigned(data, at + group) & 63
                : (unsigned(data, at + group + 4) & 15) | (unsigned(data, at + group - 4) >> 6) << 4;
    }

    /** The 6-bit minimum of a group, packed beside {@link #scale}. */
    static int minimum(MemorySegment data, long at, int group) {
        return group < 4
                ? unsigned(data, at + group + 4) & 63
                : unsigned(data, at + group + 4) >> 4 | (unsigned(data, at + group) >> 6) << 4;
    }

    /**
     * f16 d, f16 dmin, 12 bytes of scales, 128 bytes: (d * scale) * q - dmin * minimum. Every 32 bytes hold two groups of
     * 32 values, low nibbles first.
     */
    private static void q4k(MemorySegment data, long at, int blocks, float[] out, int to) {
        for (int b = 0; b < blocks; b++, at += 144, to += 256) {
            float d = half(data, at);
            float dmin = half(data, at + 2);
            for (int group = 0; group < 8; group++) {
                float scale = d * scale(data, at + 4, group);
                float minimum = dmin * minimum(data, at + 4, group);
                long quants = at + 16 + (group >> 1) * 32L;
                int shift = (group & 1) * 4;
                for (int i = 0; i < 32; i++) {
                    int q = unsigned(data, quants + i) >> shift & 15;
                    out[to + group * 32 + i] = scale * q - minimum;
                }
            }
        }
    }

    /** As Q4_K, with 32 bytes of fifth bits between scales and nibbles: bit {@code group} of byte {@code i}. */
    private static void q5k(MemorySegment data, long at, int blocks, float[] out, int to) {
        for (int b = 0; b < blocks; b++, at += 176, to += 256) {
            float d = half(data, at);
            float dmin = half(data, at + 2);
            for (int group = 0; group < 8; group++) {
                float scale = d * scale(data, at + 4, group);
                float minimum = dmin * minimum(data, at + 4, group);
                long quants = at + 48 + (group >> 1) * 32L;
                int shift = (group & 1) * 4;
                for (int i = 0; i < 32; i++) {
                    int high = unsigned(data, at + 16 + i) >> group & 1;
                    int q = (unsigned(data, quants + i) >> shift & 15) | high << 4;
                    out[to + group * 32 + i] = scale * q - minimum;
                }
            }
        }
    }

    /**
     * 128 bytes of low nibbles, 64 bytes of high pairs, 16 x int8 scales, f16 d: (d * scale) * (q - 32). Each half of 128
     * values is four groups of 32: nibbles low 0, low 1, high 0, high 1 of its 64 bytes, pairs 0 to 3 of its 32 bytes.
     */
    private static void q6k(MemorySegment data, long at, int blocks, float[] out, int to) {
        for (int b = 0; b < blocks; b++, at += 210, to += 256) {
            float d = half(data, at + 208);
            for (int group = 0; group < 8; group++) {
                int half = group >> 2;
                int part = group & 3;
                long low = at + half * 64L + (part & 1) * 32L;
                long high = at + 128 + half * 32L;
                for (int i = 0; i < 32; i++) {
                    float scale = d * data.get(JAVA_BYTE, at + 192 + group * 2L + (i >> 4));
                    int nibble = unsigned(data, low + i) >> ((part >> 1) * 4) & 15;
                    int pair = unsigned(data, high + i) >> (part * 2) & 3;
                    out[to + group * 32 + i] = scale * ((nibble | pair << 4) - 32);
                }
            }
        }
    }
}
