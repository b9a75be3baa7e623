package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.Lanes.FLOATS;
import static io.millrace.runtime.kernels.Lanes.INTS;
import static io.millrace.runtime.kernels.Lanes.LENGTH;
import static io.millrace.runtime.kernels.Lanes.ints;
import static io.millrace.runtime.kernels.Lanes.load;
import static io.millrace.runtime.kernels.Lanes.shorts;
import static io.millrace.runtime.kernels.Lanes.toFloats;
import static io.millrace.runtime.kernels.PackedTiling.GROUP_ROWS;
import static io.millrace.runtime.kernels.PackedTiling.HALVES;
import static io.millrace.runtime.kernels.PackedTiling.INTEGERS;
import static io.millrace.runtime.kernels.PackedTiling.OFFSETS;
import static io.millrace.runtime.kernels.PackedTiling.PANEL;
import static io.millrace.runtime.kernels.PackedTiling.ROWS;
import static io.millrace.runtime.kernels.PackedTiling.SCALES;
import static io.millrace.runtime.kernels.PackedTiling.STREAM_BLOCKS;
import static io.millrace.runtime.kernels.PackedTiling.SUMS;
import static io.millrace.runtime.kernels.PackedTiling.UNPACKED;
import static io.millrace.runtime.packing.PackedLayout.BLOCK;
import static io.millrace.runtime.packing.PackedLayout.STRIP_ROWS;
import static io.millrace.runtime.packing.PackedLayout.TILE_ROWS;

import io.millrace.runtime.packing.PackedLayout;
import io.millrace.runtime.packing.PackedMatrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Products of whole numbers with packed matrices of 4 to 6 bits: an int lane is a row of weights, and its halves are two
 * columns. Quants times rounded activations are multiplied and added as shorts, which do not overflow: 16 products of a nibble
 * and a byte, or 8 of 6 bits and a byte, are at most 32,512 when the sum begins with what makes quants signed. (It may leave 16
 * bits on the way, which does not matter modulo 2^16.)
 *
 * <p>
 * A single row of activations meets the quants as they stream by; four together meet quants that were unpacked to scratch. Each
 * step goes through arrays, because a method that takes or gives vectors may not be inlined, and vectors that cross a call are
 * boxed. For the same reason a step has about 35 vector operations at most, and all steps are too long to be
 * inlined into their caller (325 bytes): where the compiler's tree of a method has 18,000 nodes, it inlines no more.
 *
 * <p>
 * Quants are not masked: see {@link Activations#nibbleFactors}. Loops over arrays are counted, those over unpacked quants with a
 * constant, hence a method for nibbles and one for bytes: the compiler computes beforehand that no load leaves its array, in few
 * steps where the count is a constant. For loads from segments these steps take longer than the products of so short a loop. Such
 * loops end with {@code !=} on purpose: the compiler takes none of them for a counted one, and compares each load's address with
 * the bounds where it is.
 */
final class VectorIntegerMultiply {
    /** Rows of weights that are computed together: two vectors. */
    private static final int PART = 2 * LENGTH;
    /** Rows of weights that one row of activations meets together: four vectors, which come in side by side. */
    private static final int STREAM = 4 * LENGTH;
    /** Bytes from the ints of some columns of a strip to those of the next ones. */
    private static final long STEP = 4L * STRIP_ROWS;
    /** Shorts that a pair of columns, or an integer sum, of so many rows takes. */
    private static final int PAIR = 2 * STREAM;
    /** Blocks that are unpacked together: with what meets them they fit the first-level cache. */
    private static final int SHORT_BLOCKS = PANEL / (BLOCK / 2 * PAIR);
    /** Shorts of the integer sums of a row of the group. */
    private static final int ROW = SHORT_BLOCKS * HALVES * PAIR;
    /** Pairs of columns of a sum of nibbles. */
    private static final int NIBBLE_PAIRS = BLOCK / 2;
    /** Pairs of columns of a sum of bytes. */
    private static final int BYTE_PAIRS = BLOCK / 2 / HALVES;

    private VectorIntegerMultiply() {}

    static void multiply(PackedMatrix weights, int tile, Activations x, int rows, float[] y, int yOffset, int yStride,
            KernelScratch scratch) {
        long start = tile * weights.layout().tileBytes(weights.cols());
        int outputs = Math.min(TILE_ROWS, weights.rows() - tile * TILE_ROWS);
        float[] s = scratch.floats;
        for (int first = 0; first < rows; first += ROWS) {
            int count = Math.min(ROWS, rows - first);
            int grouped = count / GROUP_ROWS * GROUP_ROWS;
            Arrays.fill(s, SUMS, SUMS + count * TILE_ROWS, 0);
            for (int part = 0; part < TILE_ROWS; part += STREAM) {
                for (int block = 0; grouped > 0 && block < weights.blocks(); block += SHORT_BLOCKS) {
                    addGroups(weights, start, part, block, x, first, grouped, scratch);
                }
                for (int block = 0; grouped < count && block < weights.blocks(); block += STREAM_BLOCKS) {
                    addRows(weights, start, part, block, x, first, grouped, count, scratch);
                }
            }
            for (int row = 0; row < count; row++) {
                System.arraycopy(s, SUMS + row * TILE_ROWS, y, yOffset + (first + row) * yStride, outputs);
            }
        }
    }

    /** Adds the products of some blocks of four vectors of rows to the sums of groups of rows of activations. */
    private static void addGroups(PackedMatrix weights, long start, int part, int block, Activations x, int first,
            int rows, KernelScratch scratch) {
        PackedLayout layout = weights.layout();
        int blocks = Math.min(SHORT_BLOCKS, weights.blocks() - block);
        VectorScales.read(layout, weights.data(), start, block, blocks, part, STREAM, 1, scratch.floats);
        long quants = start + layout.stripOffset(weights.cols(), 0) + (long) block * layout.blockBytes();
        unpack(layout.nibbles(), weights.data(), quants, part, layout.stripBytes(weights.cols()), blocks,
                scratch.shorts);
        for (int row = 0; row < rows; row += GROUP_ROWS) {
            int factors = x.factors(first + row, block);
            int at = (first + row) * x.blockStride() + block;
            for (int i = 0; i < STREAM; i += PART) {
                if (layout.nibbles()) {
                    addNibblePairs(scratch.shorts, 2 * i, blocks, x.nibbleFactors(), factors, x.nibbleStarts(), at,
                            x.blockStride());
                } else {
                    addBytePairs(scratch.shorts, 2 * i, HALVES * blocks, x.byteFactors(), factors, x.byteStarts(),
                            HALVES * at, HALVES * x.blockStride());
                }
            }
            for (int i = 0; i < GROUP_ROWS; i++) {
                addScaled(layout, blocks, x, at + i * x.blockStride(), INTEGERS + i * ROW,
                        SUMS + (row + i) * TILE_ROWS + part, scratch);
            }
        }
    }

    /** Adds the products of some blocks of four vectors of rows to the sums of rows of activations, one after the other. */
    private static void addRows(PackedMatrix weights, long start, int part, int block, Activations x, int first,
            int row, int end, KernelScratch scratch) {
        PackedLayout layout = weights.layout();
        int blocks = Math.min(STREAM_BLOCKS, weights.blocks() - block);
        VectorScales.read(layout, weights.data(), start, block, blocks, part, STREAM, 1, scratch.floats);
        long quants = start + layout.stripOffset(weights.cols(), 0) + (long) block * layout.blockBytes();
        long a = quants + offset(part, layout.stripBytes(weights.cols()));
        long b = quants + offset(part + LENGTH, layout.stripBytes(weights.cols()));
        long c = quants + offset(part + 2 * LENGTH, layout.stripBytes(weights.cols()));
        long d = quants + offset(part + 3 * LENGTH, layout.stripBytes(weights.cols()));
        for (int i = row; i < end; i++) {
            int factors = x.factors(first + i, block);
            int at = (first + i) * x.blockStride() + block;
            if (layout.nibbles()) {
                addNibbles(weights.data(), a, b, c, d, blocks, x.nibbleFactors(), factors, x.nibbleStarts(), at,
                        scratch.shorts);
            } else {
                addBytes(weights.data(), a, b, c, d, HALVES * blocks, x.byteFactors(), factors, x.byteStarts(),
                        HALVES * at,
                        scratch.shorts);
            }
            addScaled(layout, blocks, x, at, INTEGERS, SUMS + i * TILE_ROWS + part, scratch);
        }
    }

    /** Where in a tile's ints of some columns those of a row are. */
    private static long offset(int row, long strip) {
        return row / STRIP_ROWS * strip + 4L * (row % STRIP_ROWS);
    }

    private static ShortVector pair(int[] factors, int at) {
        return IntVector.broadcast(INTS, factors[at]).reinterpretAsShorts();
    }

    /** Quants shifted to where they are multiplied, a pair of columns to an int. */
    private static void unpack(boolean nibbles, MemorySegment data, long at, int first, long strip, int blocks,
            short[] w) {
        for (int part = 0; part < STREAM; part += PART) {
            long atA = at + offset(first + part, strip);
            long atB = at + offset(first + part + LENGTH, strip);
            int to = UNPACKED + 2 * part;
            if (nibbles) {
                for (long i = 0, end = STEP * blocks * (BLOCK / 8); i != end; i += STEP) {
                    IntVector a = ints(data, atA + i);
                    IntVector b = ints(data, atB + i);
                    a.reinterpretAsShorts().intoArray(w, to);
                    b.reinterpretAsShorts().intoArray(w, to + 2 * LENGTH);
                    a.lanewise(VectorOperators.LSHR, 4).reinterpretAsShorts().intoArray(w, to + PAIR);
                    b.lanewise(VectorOperators.LSHR, 4).reinterpretAsShorts().intoArray(w, to + PAIR + 2 * LENGTH);
                    a.lanewise(VectorOperators.LSHR, 8).reinterpretAsShorts().intoArray(w, to + 2 * PAIR);
                    b.lanewise(VectorOperators.LSHR, 8).reinterpretAsShorts().intoArray(w, to + 2 * PAIR + 2 * LENGTH);
                    a.lanewise(VectorOperators.LSHR, 12).reinterpretAsShorts().intoArray(w, to + 3 * PAIR);
                    b.lanewise(VectorOperators.LSHR, 12).reinterpretAsShorts().intoArray(w, to + 3 * PAIR + 2 * LENGTH);
                    to += 4 * PAIR;
                }
            } else {
                for (long i = 0, end = STEP * blocks * (BLOCK / 4); i != end; i += STEP) {
                    ShortVector a = shorts(data, atA + i);
                    ShortVector b = shorts(data, atB + i);
                    a.intoArray(w, to);
                    b.intoArray(w, to + 2 * LENGTH);
                    a.lanewise(VectorOperators.LSHR, 8).intoArray(w, to + PAIR);
                    b.lanewise(VectorOperators.LSHR, 8).intoArray(w, to + PAIR + 2 * LENGTH);
                    to += 2 * PAIR;
                }
            }
        }
    }

    /**
     * The integer sums of unpacked nibbles of two vectors of rows and a group of rows of activations, each over a block.
     */
    private static void addNibblePairs(short[] w, int part, int sums, int[] x, int from, int[] starts, int start,
            int startStride) {
        for (int sum = 0; sum < sums; sum++) {
            int first = start + sum;
            ShortVector a0 = pair(starts, first);
            ShortVector a1 = pair(starts, first + startStride);
            ShortVector a2 = pair(starts, first + 2 * startStride);
            ShortVector a3 = pair(starts, first + 3 * startStride);
            ShortVector b0 = a0;
            ShortVector b1 = a1;
            ShortVector b2 = a2;
            ShortVector b3 = a3;
            int quants = UNPACKED + sum * NIBBLE_PAIRS * PAIR + part;
            int factors = from + sum * NIBBLE_PAIRS * GROUP_ROWS;
            for (int i = 0; i < NIBBLE_PAIRS; i++) {
                ShortVector a = shorts(w, quants + i * PAIR);
                ShortVector b = shorts(w, quants + i * PAIR + 2 * LENGTH);
                ShortVector x0 = pair(x, factors + i * GROUP_ROWS);
                a0 = a0.add(a.mul(x0));
                b0 = b0.add(b.mul(x0));
                ShortVector x1 = pair(x, factors + i * GROUP_ROWS + 1);
                a1 = a1.add(a.mul(x1));
                b1 = b1.add(b.mul(x1));
                ShortVector x2 = pair(x, factors + i * GROUP_ROWS + 2);
                a2 = a2.add(a.mul(x2));
                b2 = b2.add(b.mul(x2));
                ShortVector x3 = pair(x, factors + i * GROUP_ROWS + 3);
                a3 = a3.add(a.mul(x3));
                b3 = b3.add(b.mul(x3));
            }
            int to = INTEGERS + sum * PAIR + part;
            a0.intoArray(w, to);
            b0.intoArray(w, to + 2 * LENGTH);
            a1.intoArray(w, to + ROW);
            b1.intoArray(w, to + ROW + 2 * LENGTH);
            a2.intoArray(w, to + 2 * ROW);
            b2.intoArray(w, to + 2 * ROW + 2 * LENGTH);
            a3.intoArray(w, to + 3 * ROW);
            b3.intoArray(w, to + 3 * ROW + 2 * LENGTH);
        }
    }

    /**
     * The integer sums of unpacked bytes of two vectors of rows and a group of rows of activations, each over half a block.
     */
    private static void addBytePairs(short[] w, int part, int sums, int[] x, int from, int[] starts, int start,
            int startStride) {
        for (int sum = 0; sum < sums; sum++) {
            int first = start + sum;
            ShortVector a0 = pair(starts, first);
            ShortVector a1 = pair(starts, first + startStride);
            ShortVector a2 = pair(starts, first + 2 * startStride);
            ShortVector a3 = pair(starts, first + 3 * startStride);
            ShortVector b0 = a0;
            ShortVector b1 = a1;
            ShortVector b2 = a2;
            ShortVector b3 = a3;
            int quants = UNPACKED + sum * BYTE_PAIRS * PAIR + part;
            int factors = from + sum * BYTE_PAIRS * GROUP_ROWS;
            for (int i = 0; i < BYTE_PAIRS; i++) {
                ShortVector a = shorts(w, quants + i * PAIR);
                ShortVector b = shorts(w, quants + i * PAIR + 2 * LENGTH);
                ShortVector x0 = pair(x, factors + i * GROUP_ROWS);
                a0 = a0.add(a.mul(x0));
                b0 = b0.add(b.mul(x0));
                ShortVector x1 = pair(x, factors + i * GROUP_ROWS + 1);
                a1 = a1.add(a.mul(x1));
                b1 = b1.add(b.mul(x1));
                ShortVector x2 = pair(x, factors + i * GROUP_ROWS + 2);
                a2 = a2.add(a.mul(x2));
                b2 = b2.add(b.mul(x2));
                ShortVector x3 = pair(x, factors + i * GROUP_ROWS + 3);
                a3 = a3.add(a.mul(x3));
                b3 = b3.add(b.mul(x3));
            }
            int to = INTEGERS + sum * PAIR + part;
            a0.intoArray(w, to);
            b0.intoArray(w, to + 2 * LENGTH);
            a1.intoArray(w, to + ROW);
            b1.intoArray(w, to + ROW + 2 * LENGTH);
            a2.intoArray(w, to + 2 * ROW);
            b2.intoArray(w, to + 2 * ROW + 2 * LENGTH);
            a3.intoArray(w, to + 3 * ROW);
            b3.intoArray(w, to + 3 * ROW + 2 * LENGTH);
        }
    }

    /** The integer sums of blocks of nibbles of four vectors of rows and a row of activations. */
    private static void addNibbles(MemorySegment data, long atA, long atB, long atC, long atD, int blocks, int[] x,
            int from,
            int[] starts, int start, short[] sums) {
        long i = 0;
        int column = from;
        for (int block = 0; block < blocks; block++) {
            ShortVector a = pair(starts, start + block);
            ShortVector b = a;
            ShortVector c = a;
            ShortVector d = a;
            for (long end = i + STEP * (BLOCK / 8); i != end; i += STEP) {
                IntVector quantsA = ints(data, atA + i);
                IntVector quantsB = ints(data, atB + i);
                IntVector quantsC = ints(data, atC + i);
                IntVector quantsD = ints(data, atD + i);
                for (int j = 0; j < 4; j++) {
                    ShortVector factor = pair(x, column + j * GROUP_ROWS);
                    a = a.add(quantsA.reinterpretAsShorts().mul(factor));
                    b = b.add(quantsB.reinterpretAsShorts().mul(factor));
                    c = c.add(quantsC.reinterpretAsShorts().mul(factor));
                    d = d.add(quantsD.reinterpretAsShorts().mul(factor));
                    quantsA = quantsA.lanewise(VectorOperators.LSHR, 4);
                    quantsB = quantsB.lanewise(VectorOperators.LSHR, 4);
                    quantsC = quantsC.lanewise(VectorOperators.LSHR, 4);
                    quantsD = quantsD.lanewise(VectorOperators.LSHR, 4);
                }
                column += 4 * GROUP_ROWS;
            }
            int to = INTEGERS + block * PAIR;
            a.intoArray(sums, to);
            b.intoArray(sums, to + 2 * LENGTH);
            c.intoArray(sums, to + 4 * LENGTH);
            d.intoArray(sums, to + 6 * LENGTH);
        }
    }

    /** The integer sums of half blocks of bytes of four vectors of rows and a row of activations. */
    private static void addBytes(MemorySegment data, long atA, long atB, long atC, long atD, int halves, int[] x,
            int from,
            int[] starts, int start, short[] sums) {
        long i = 0;
        int column = from;
        for (int half = 0; half < halves; half++) {
            ShortVector a = pair(starts, start + half);
            ShortVector b = a;
            ShortVector c = a;
            ShortVector d = a;
            for (long end = i + STEP * (BLOCK / 8); i != end; i += STEP) {
                ShortVector quantsA = shorts(data, atA + i);
                ShortVector quantsB = shorts(data, atB + i);
                ShortVector quantsC = shorts(data, atC + i);
                ShortVector quantsD = shorts(data, atD + i);
                ShortVector first = pair(x, column);
                a = a.add(quantsA.mul(first));
                b = b.add(quantsB.mul(first));
                c = c.add(quantsC.mul(first));
                d = d.add(quantsD.mul(first));
                ShortVector second = pair(x, column + GROUP_ROWS);
                a = a.add(quantsA.lanewise(VectorOperators.LSHR, 8).mul(second));
                b = b.add(quantsB.lanewise(VectorOperators.LSHR, 8).mul(second));
                c = c.add(quantsC.lanewise(VectorOperators.LSHR, 8).mul(second));
                d = d.add(quantsD.lanewise(VectorOperators.LSHR, 8).mul(second));
                column += 2 * GROUP_ROWS;
            }
            int to = INTEGERS + half * PAIR;
            a.intoArray(sums, to);
            b.intoArray(sums, to + 2 * LENGTH);
            c.intoArray(sums, to + 4 * LENGTH);
            d.intoArray(sums, to + 6 * LENGTH);
        }
    }

    /** Adds a row's integer sums to its sums: both halves of a lane, times the scales of weights and activations. */
    private static void addScaled(PackedLayout layout, int blocks, Activations x, int at, int from, int to,
            KernelScratch scratch) {
        short[] sums = scratch.shorts;
        float[] s = scratch.floats;
        float[] scales = x.scales();
        float[] scaledSums = x.scaledSums();
        boolean nibbles = layout.nibbles();
        boolean minima = layout.minima();
        int secondScale = layout.scaled() < BLOCK ? STREAM : 0;
        for (int i = 0; i < STREAM; i += PART) {
            FloatVector a = load(s, to + i);
            FloatVector b = load(s, to + i + LENGTH);
            int first = from + 2 * i;
            if (nibbles) {
                for (int block = 0; block < blocks; block++) {
                    int integers = first + block * PAIR;
                    int scale = SCALES + i + block * HALVES * STREAM;
                    // Both halves of a lane fit 16 bits together, and only together are right.
                    IntVector pairA = shorts(sums, integers).reinterpretAsInts();
                    IntVector pairB = shorts(sums, integers + 2 * LENGTH).reinterpretAsInts();
                    FloatVector factor = FloatVector.broadcast(FLOATS, scales[at + block]);
                    a = toFloats(pairA.add(pairA.lanewise(VectorOperators.LSHL, 16))
                            .lanewise(VectorOperators.ASHR, 16)).mul(factor).fma(load(s, scale), a);
                    b = toFloats(pairB.add(pairB.lanewise(VectorOperators.LSHL, 16))
                            .lanewise(VectorOperators.ASHR, 16)).mul(factor).fma(load(s, scale + LENGTH), b);
                    if (minima) {
                        int offset = OFFSETS + i + block * STREAM;
                        FloatVector sum = FloatVector.broadcast(FLOATS, scaledSums[at + block]);
                        a = load(s, offset).fma(sum, a);
                        b = load(s, offset + LENGTH).fma(sum, b);
                    }
                }
            } else {
                for (int block = 0; block < blocks; block++) {
                    int integers = first + block * HALVES * PAIR;
                    int scale = SCALES + i + block * HALVES * STREAM;
                    FloatVector factor = FloatVector.broadcast(FLOATS, scales[at + block]);
                    for (int half = 0; half < HALVES; half++) {
                        IntVector pairA = shorts(sums, integers + half * PAIR).reinterpretAsInts();
                        IntVector pairB = shorts(sums, integers + half * PAIR + 2 * LENGTH).reinterpretAsInts();
                        a = toFloats(pairA.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16)
                                .add(pairA.lanewise(VectorOperators.ASHR, 16))).mul(factor)
                                .fma(load(s, scale + half * secondScale), a);
                        b = toFloats(pairB.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16)
                                .add(pairB.lanewise(VectorOperators.ASHR, 16))).mul(factor)
                                .fma(load(s, scale + half * secondScale + LENGTH), b);
                    }
                    if (minima) {
                        int offset = OFFSETS + i + block * STREAM;
                        FloatVector sum = FloatVector.broadcast(FLOATS, scaledSums[at + block]);
                        a = load(s, offset).fma(sum, a);
                        b = load(s, offset + LENGTH).fma(sum, b);
                    }
                }
            }
            a.intoArray(s, to + i);
            b.intoArray(s, to + i + LENGTH);
        }
    }
}
