package io.millrace.runtime.kernels;

import io.millrace.runtime.kv.KvType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * {@link Kernels#toFloats}, the reference. The compiler vectorizes all but the loop over bf16. Weights have loops of their
 * own that look the same: compiled code is fast for one kind of memory, and weights are often of another kind than the cache.
 */
final class ScalarKvReader {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);

    private ScalarKvReader() {}

    static void toFloats(KvType type, MemorySegment source, long at, int count, float[] out, int to) {
        switch (type) {
            case F32 -> MemorySegment.copy(source, FLOAT, at, out, to, count);
            case F16 -> f16(source, at, count, out, to);
            case BF16 -> bf16(source, at, count, out, to);
            case Q8 -> q8(source, at, count, out, to);
        }
    }

    private static void f16(MemorySegment source, long at, int count, float[] out, int to) {
        for (int i = 0; i < count; i++) {
            out[to + i] = Float.float16ToFloat(source.get(SHORT, at + 2L * i));
        }
    }

    static void bf16(MemorySegment source, long at, int count, float[] out, int to) {
        for (int i = 0; i < count; i++) {
            out[to + i] = Float.intBitsToFloat(source.get(SHORT, at + 2L * i) << 16);
        }
    }

    private static void q8(MemorySegment source, long at, int count, float[] out, int to) {
        for (int i = 0; i < count; i++) {
            out[to + i] = source.get(ValueLayout.JAVA_BYTE, at + i);
        }
    }
}
