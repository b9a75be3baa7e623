package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.Lanes.FLOATS;
import static io.millrace.runtime.kernels.Lanes.LENGTH;
import static io.millrace.runtime.kernels.Lanes.ints;
import static io.millrace.runtime.kernels.Lanes.load;
import static io.millrace.runtime.kernels.Lanes.signedBytes;
import static io.millrace.runtime.kernels.PackedTiling.HALVES;
import static io.millrace.runtime.kernels.PackedTiling.HEADER;
import static io.millrace.runtime.kernels.PackedTiling.OFFSETS;
import static io.millrace.runtime.kernels.PackedTiling.SCALES;
import static io.millrace.runtime.packing.PackedLayout.SCALE_BYTES;
import static io.millrace.runtime.packing.PackedLayout.TILE_ROWS;

import io.millrace.runtime.packing.PackedLayout;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Scales and offsets of packed blocks to floats, in scratch. */
final class VectorScales {
    /** Moves the exponent of a shifted f16 to that of a float, less the factor of wide scales. */
    private static final float EXPONENT = 0x1p112f / PackedLayout.SCALE_FACTOR;
    private static final int SHIFTED_HALF = 0x8fffe000;

    private VectorScales() {}

    /**
     * The scales of some rows in some blocks, and their offsets if the type has them.
     *
     * @param row the first of {@code rows} rows of the tile
     * @param factor of all of them, a power of two
     */
    static void read(PackedLayout layout, MemorySegment data, long start, int first, int count, int row, int rows,
            float factor, float[] s) {
        boolean narrow = layout.headerBytes() > 0;
        boolean minima = layout.minima();
        FloatVector exponent = FloatVector.broadcast(FLOATS, EXPONENT * factor);
        FloatVector zero = FloatVector.broadcast(FLOATS, layout.zero());
        for (int i = 0; i < count; i++) {
            int block = first + i;
            long scales = start + layout.scalesOffset(block);
            int to = SCALES + i * HALVES * rows;
            if (i == 0 || block % layout.groupBlocks() == 0) {
                long wide = narrow ? start + layout.headerOffset(block) : scales;
                int toWide = narrow ? HEADER : to;
                for (int at = 0; at < (minima ? 2 * rows : rows); at += LENGTH) {
                    int from = row + at % rows;
                    long pairs = wide + (long) (at / rows) * SCALE_BYTES + 4L * (from / 32 * 16 + from % 16);
                    // Sign, exponent and mantissa of an f16 to where a float has them.
                    ints(data, pairs).lanewise(VectorOperators.LSHL, from % 32 < 16 ? 16 : 0)
                            .lanewise(VectorOperators.ASHR, 3).and(SHIFTED_HALF).reinterpretAsFloats().mul(exponent)
                            .intoArray(s, toWide + at);
                }
            }
            if (narrow && minima) {
                int offsets = OFFSETS + i * rows;
                for (int at = 0; at < rows; at += LENGTH) {
                    FloatVector scale = signedBytes(data, scales + row + at).mul(load(s, HEADER + at));
                    FloatVector minimum = signedBytes(data, scales + TILE_ROWS + row + at)
                            .mul(load(s, HEADER + rows + at));
                    scale.intoArray(s, to + at);
                    scale.fma(zero, minimum.neg()).intoArray(s, offsets + at);
                }
            } else if (narrow) {
                for (int at = 0; at < rows; at += LENGTH) {
                    FloatVector wide = load(s, HEADER + at);
                    signedBytes(data, scales + row + at).mul(wide).intoArray(s, to + at);
                    signedBytes(data, scales + TILE_ROWS + row + at).mul(wide).intoArray(s, to + rows + at);
                }
            }
        }
    }
}
