package io.millrace.runtime.kv;

import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LlamaConfig;

/**
 * How one block of the cache is laid out, for {@link #BLOCK_POSITIONS} positions: {@code [layer]}, in it first the keys,
 * {@code [kvHead][headDim][position]}, then the values, {@code [kvHead][position][headDim]}, all of {@link KvType}; where
 * the type has scales, then those of the keys and those of the values, {@code [kvHead][position]} of f32 each. So a layer's
 * part of a block is contiguous, and within it a head's keys (or values) are. Keys lie across positions because
 * the scores of 16 positions are then computed in 16 vector lanes; they are stored rotated, in the interleaved order of
 * {@link io.millrace.runtime.weights.RotaryLayout}. The block table of a sequence and the number of positions it has
 * computed say which of a block's positions hold something. All numbers are little-endian.
 */
public record KvLayout(int layers, int kvHeads, int headDim, KvType type) {
    /** Raised whenever the order of values in a block changes, so that blocks saved in another order are not used. */
    public static final int VERSION = 1;

    /** Positions per block. */
    public static final int BLOCK_POSITIONS = 16;

    /** For all layers of a model. */
    public static KvLayout of(LlamaConfig config, KvType type) {
        return of(config, LayerRange.all(config), type);
    }

    /** For the layers of a shard, of which the first is layer 0 of a block. */
    public static KvLayout of(LlamaConfig config, LayerRange range, KvType type) {
        return new KvLayout(range.layers(), config.kvHeads(), config.headDim(), type);
    }

    /** Blocks that hold {@code positions} positions. */
    public static int blocksFor(int positions) {
        return (positions + BLOCK_POSITIONS - 1) / BLOCK_POSITIONS;
    }

    /** Bytes of one head's keys (or values) of one layer of a block. */
    public int headBytes() {
        return BLOCK_POSITIONS * headDim * type.bytes();
    }

    /** Bytes of the scales of one head's keys (or values) of one layer of a block. */
    private int scaleBytes() {
        return type.scaled() ? BLOCK_POSITIONS * Float.BYTES : 0;
    }

    /** Bytes of one layer of a block, keys and values. */
    public int layerBytes() {
        return 2 * kvHeads * (headBytes() + scaleBytes());
    }

    /** Bytes of a block. */
    public long blockBytes() {
        return (long) layers * layerBytes();
    }

    /** Bytes of one position, all layers. */
    public long positionBytes() {
        return blockBytes() / BLOCK_POSITIONS;
    }

    /** Offset in a block of a head's keys of a layer. */
    public long keyOffset(int layer, int kvHead) {
        return (long) layer * layerBytes() + (long) kvHead * headBytes();
    }

    /** Offset in a block of a head's values of a layer. */
    public long valueOffset(int layer, int kvHead) {
        return keyOffset(layer, kvHead) + (long) kvHeads * headBytes();
    }

    /** Offset in a block of the scales of a head's keys of a layer, where the type has scales. */
    public long keyScaleOffset(int layer, int kvHead) {
        return valueOffset(layer, kvHeads) + (long) kvHead * scaleBytes();
    }

    /** Offset in a block of the scales of a head's values of a layer, where the type has scales. */
    public long valueScaleOffset(int layer, int kvHead) {
        return keyScaleOffset(layer, kvHead) + (long) kvHeads * scaleBytes();
    }
}
