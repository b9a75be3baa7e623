package io.millrace.runtime.model;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;

import io.millrace.runtime.kernels.AttentionTile;
import io.millrace.runtime.kernels.BFloat16;
import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kv.KvLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Writes positions to blocks and reads a head's block into an attention tile, in the order of {@link KvLayout}. */
final class KvAccess {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int LARGEST_BYTE = 127;

    private final KvLayout layout;
    private final Kernels kernels;

    KvAccess(KvLayout layout, Kernels kernels) {
        this.layout = layout;
        this.kernels = kernels;
    }

    /** A tile for blocks of this layout. */
    AttentionTile tile(int maxQueries) {
        return new AttentionTile(layout.headDim(), maxQueries, layout.type().scaled());
    }

    /** Stores the key of a head at {@code position} of the block, 0 to 15. */
    void storeKey(MemorySegment block, int layer, int kvHead, int position, float[] key, int from) {
        long at = layout.keyOffset(layer, kvHead) + (long) position * layout.type().bytes();
        store(block, at, BLOCK_POSITIONS, layout.keyScaleOffset(layer, kvHead) + 4L * position, key, from);
    }

    /** Stores the value of a head at {@code position} of the block, 0 to 15. */
    void storeValue(MemorySegment block, int layer, int kvHead, int position, float[] value, int from) {
        long at = layout.valueOffset(layer, kvHead) + (long) position * layout.headDim() * layout.type().bytes();
        store(block, at, 1, layout.valueScaleOffset(layer, kvHead) + 4L * position, value, from);
    }

    /** Loads the keys of a head as block {@code index} of the tile; positions not computed yet load as whatever is there. */
    void loadKeys(MemorySegment block, int layer, int kvHead, AttentionTile tile, int index) {
        int count = layout.headDim() * BLOCK_POSITIONS;
        kernels.toFloats(layout.type(), block, layout.keyOffset(layer, kvHead), count, tile.data(), index * count);
        if (layout.type().scaled()) {
            // The weights take the scales of both in, so both are needed with the keys.
            loadScales(block, layout.keyScaleOffset(layer, kvHead), tile.keyScales(), index);
            loadScales(block, layout.valueScaleOffset(layer, kvHead), tile.valueScales(), index);
        }
    }

    /** Loads the values of a head as block {@code index} of the tile. */
    void loadValues(MemorySegment block, int layer, int kvHead, AttentionTile tile, int index) {
        int headDim = layout.headDim();
        int stride = tile.valueStride();
        int to = index * BLOCK_POSITIONS * stride;
        long at = layout.valueOffset(layer, kvHead);
        if (stride == headDim) {
            kernels.toFloats(layout.type(), block, at, headDim * BLOCK_POSITIONS, tile.data(), to);
        } else {
            for (int p = 0; p < BLOCK_POSITIONS; p++) {
                kernels.toFloats(layout.type(), block, at + (long) p * headDim * layout.type().bytes(), headDim,
                        tile.data(), to + p * stride);
            }
        }
    }

    private static void loadScales(MemorySegment block, long at, float[] scales, int index) {
        MemorySegment.copy(block, FLOAT, at, scales, index * BLOCK_POSITIONS, BLOCK_POSITIONS);
    }

    private void store(MemorySegment block, long at, int stride, long scaleAt, float[] values, int from) {
        int count = layout.headDim();
        switch (layout.type()) {
            case F32 -> {
                for (int i = 0; i < count; i++) {
                    block.set(FLOAT, at + 4L * i * stride, values[from + i]);
                }
            }
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    block.set(SHORT, at + 2L * i * stride, Float.floatToFloat16(values[from + i]));
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    block.set(SHORT, at + 2L * i * stride, BFloat16.of(values[from + i]));
                }
            }
            case Q8 -> {
                float scale = scale(values, from, count);
                block.set(FLOAT, scaleAt, scale);
                for (int i = 0; i < count; i++) {
                    block.set(ValueLayout.JAVA_BYTE, at + (long) i * stride, quantize(values[from + i], scale));
                }
            }
        }
    }

    /** The scale by which the largest magnitude becomes 127; NaN when a value is. */
    static float scale(float[] values, int from, int count) {
        float largest = 0;
        for (int i = from; i < from + count; i++) {
            largest = Math.max(largest, Math.abs(values[i]));
        }
        return largest / LARGEST_BYTE;
    }

    /** Rounds to the nearest, ties to even. A scale of zero is of values that are all zero, or nearly so. */
    static byte quantize(float value, float scale) {
        return scale == 0
                ? 0
                : (byte) Math.clamp((int) Math.rint(value / (double) scale), -LARGEST_BYTE, LARGEST_BYTE);
    }
}
