package io.millrace.runtime.model;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;

import io.millrace.runtime.kernels.AttentionTile;
import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Writes positions to blocks and reads a head's block into an attention tile, in the order of {@link KvLayout}. */
final class KvAccess {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final KvLayout layout;
    private final Kernels kernels;

    KvAccess(KvLayout layout, Kernels kernels) {
        this.layout = layout;
        this.kernels = kernels;
    }

    /** Stores the key of a head at {@code position} of the block, 0 to 15. */
    void storeKey(MemorySegment block, int layer, int kvHead, int position, float[] key, int from) {
        long at = layout.keyOffset(layer, kvHead) + (long) position * layout.type().bytes();
        store(block, at, BLOCK_POSITIONS, key, from);
    }

    /** Stores the value of a head at {@code position} of the block, 0 to 15. */
    void storeValue(MemorySegment block, int layer, int kvHead, int position, float[] value, int from) {
        long at = layout.valueOffset(layer, kvHead) + (long) position * layout.headDim() * layout.type().bytes();
        store(block, at, 1, value, from);
    }

    /** Loads all positions of a head; those not computed yet load as whatever is there. */
    void load(MemorySegment block, int layer, int kvHead, AttentionTile tile) {
        int headDim = layout.headDim();
        int count = headDim * BLOCK_POSITIONS;
        load(block, layout.keyOffset(layer, kvHead), count, tile.keys(), 0);
        long values = layout.valueOffset(layer, kvHead);
        if (tile.valueStride() == headDim) {
            load(block, values, count, tile.values(), 0);
        } else {
            for (int p = 0; p < BLOCK_POSITIONS; p++) {
                load(block, values + (long) p * headDim * layout.type().bytes(), headDim, tile.values(),
                        p * tile.valueStride());
            }
        }
    }

    private void store(MemorySegment block, long at, int stride, float[] values, int from) {
        if (layout.type() == KvType.F32) {
            for (int i = 0; i < layout.headDim(); i++) {
                block.set(FLOAT, at + 4L * i * stride, values[from + i]);
            }
        } else {
            for (int i = 0; i < layout.headDim(); i++) {
                block.set(HALF, at + 2L * i * stride, Float.floatToFloat16(values[from + i]));
            }
        }
    }

    private void load(MemorySegment block, long at, int count, float[] out, int to) {
        if (layout.type() == KvType.F32) {
            MemorySegment.copy(block, FLOAT, at, out, to, count);
        } else {
            kernels.halfToFloat(block, at, count, out, to);
        }
    }
}
