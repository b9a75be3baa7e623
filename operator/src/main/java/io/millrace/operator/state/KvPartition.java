package io.millrace.operator.state;

import io.millrace.runtime.kv.KvLayout;
import java.util.Locale;

/**
 * How a block of the arena is cut into the values of keyed state: groups of whole layers, each at most 1 MiB where a layer
 * is not larger than that, so that no value is too large for the state backend.
 *
 * @param layout of the arena's blocks
 * @param layersPerPart layers in a part; the last part of a block may have fewer
 * @param tag of every part: equal tags mean that the bytes can be used as they are
 */
record KvPartition(KvLayout layout, int layersPerPart, String tag) {
    private static final int PART_BYTES = 1 << 20;

    static KvPartition of(KvLayout layout, String modelFingerprint) {
        int layersPerPart = Math.clamp(PART_BYTES / layout.layerBytes(), 1, layout.layers());
        String tag = String.format(Locale.ROOT, "%s/layout-%d/%s/%dx%dx%d/%d positions/%d layers", modelFingerprint,
                KvLayout.VERSION, layout.type(), layout.layers(), layout.kvHeads(), layout.headDim(),
                KvLayout.BLOCK_POSITIONS, layersPerPart);
        return new KvPartition(layout, layersPerPart, tag);
    }

    /** Parts of a block. */
    int parts() {
        return Math.ceilDiv(layout.layers(), layersPerPart);
    }

    /** Key in the map state of a part of a block. */
    int key(int block, int part) {
        return Math.addExact(Math.multiplyExact(block, parts()), part);
    }

    /** Where a part begins in its block, in bytes. */
    int offset(int part) {
        return part * layersPerPart * layout.layerBytes();
    }

    /** Bytes of a part. */
    int length(int part) {
        return Math.toIntExact(Math.min(offset(part) + (long) layersPerPart * layout.layerBytes(), layout.blockBytes()))
                - offset(part);
    }
}
