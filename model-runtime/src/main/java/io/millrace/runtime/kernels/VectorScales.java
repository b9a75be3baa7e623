package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.Kernels.LANES;
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
import jdk.incubator.vector.IntVector;
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
     * @param row the first of {@code rows} rows of the tile, both multiples of 32
     * @param factor of all of them, a power of two
     */
    static void read(PackedLayout layout, MemorySegment data, long start, int first, int count, int row, int rows,
            float factor, float[] s) {
        boolean narrow = layout.headerBytes() > 0;
        boolean minima = layout.minima();
        FloatVector exponent = FloatVector.broadcast(FLOATS, EXPONENT * factor);
        FloatVector zero = FloatVector.broadcast(FLOATS, layout.zero());
        // Counted along: asking the layout for each block took two divisions, 2 to 10% of the time of one row.
        int groupBlocks = layout.groupBlocks();
        int inGroup = first % groupBlocks;
        long next = start + layout.scalesOffset(first) + (narrow ? row : 2L * row);
        long header = start + layout.headerOffset(first);
        for (int i = 0; i < count; i++) {
            long scales = next;
            int to = SCALES + i * HALVES * rows;
            if (!narrow || i == 0 || inGroup == 0) {
                for (int kind = 0; kind < (minima ? 2 : 1); kind++) {
                    long wide = narrow
                            ? header + (long) kind * SCALE_BYTES + 2L * row
                            : scales;
                    int at = narrow ? HEADER + kind * rows : to;
                    for (long end = wide + 2L * rows; wide != end; wide += 4L * LANES) {
                        for (int lane = 0; lane < LANES; lane += LENGTH) {
                            // 32 rows are 16 ints. Sign, exponent and mantissa of an f16 to where a float has them.
                            IntVector pairs = ints(data, wide + 4L * lane);
                            pairs.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3)
                                    .and(SHIFTED_HALF).reinterpretAsFloats().mul(exponent).intoArray(s, at + lane);
                            pairs.lanewise(VectorOperators.ASHR, 3).and(SHIFTED_HALF).reinterpretAsFloats()
                                    .mul(exponent).intoArray(s, at + LANES + lane);
                        }
                        at += 2 * LANES;
                    }
                }
            }
            int offset = 0;
            if (narrow && minima) {
                int offsets = OFFSETS + i * rows;
                for (long end = scales + rows; scales != end; scales += LENGTH) {
                    FloatVector scale = signedBytes(data, scales).mul(load(s, HEADER + offset));
                    FloatVector minimum = signedBytes(data, scales + TILE_ROWS).mul(load(s, HEADER + rows + offset));
                    scale.intoArray(s, to + offset);
                    scale.fma(zero, minimum.neg()).intoArray(s, offsets + offset);
                    offset += LENGTH;
                }
            } else if (narrow) {
                for (long end = scales + rows; scales != end; scales += LENGTH) {
                    FloatVector shared = load(s, HEADER + offset);
                    signedBytes(data, scales).mul(shared).intoArray(s, to + offset);
                    signedBytes(data, scales + TILE_ROWS).mul(shared).intoArray(s, to + rows + offset);
                    offset += LENGTH;
                }
            }
            next += SCALE_BYTES;
            inGroup++;
            if (inGroup == groupBlocks) {
                inGroup = 0;
                header += layout.headerBytes() + groupBlocks * SCALE_BYTES;
                next += layout.headerBytes();
            }
        }
    }
}
