package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.Lanes.FLOATS;
import static io.millrace.runtime.kernels.Lanes.INTS;
import static io.millrace.runtime.kernels.Lanes.LENGTH;
import static io.millrace.runtime.kernels.Lanes.WIDE;
import static io.millrace.runtime.kernels.Lanes.ints;
import static io.millrace.runtime.kernels.Lanes.load;
import static io.millrace.runtime.kernels.Lanes.signedBytes;
import static io.millrace.runtime.kernels.Lanes.toFloats;
import static io.millrace.runtime.kernels.PackedTiling.CHUNK_BLOCKS;
import static io.millrace.runtime.kernels.PackedTiling.MINIMA;
import static io.millrace.runtime.kernels.PackedTiling.PANEL_BLOCKS;
import static io.millrace.runtime.kernels.PackedTiling.PARTIALS;
import static io.millrace.runtime.kernels.PackedTiling.QUANTS;
import static io.millrace.runtime.kernels.PackedTiling.ROWS;
import static io.millrace.runtime.kernels.PackedTiling.SCALES;
import static io.millrace.runtime.kernels.PackedTiling.SUMS;
import static io.millrace.runtime.packing.PackedLayout.BLOCK;
import static io.millrace.runtime.packing.PackedLayout.SCALE_BYTES;
import static io.millrace.runtime.packing.PackedLayout.STRIP_ROWS;
import static io.millrace.runtime.packing.PackedLayout.TILE_ROWS;

import io.millrace.runtime.packing.PackedLayout;
import io.millrace.runtime.packing.PackedMatrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Products with packed matrices: a lane is a row of weights. One row of activations meets the quants as they stream by; for
 * more of them a panel of quants is first unpacked to floats in scratch. Each step goes through arrays, because a method
 * that takes or gives vectors may not be inlined, and vectors that cross a call are boxed.
 *
 * <p>
 * A part is what four vectors hold: all 64 rows of a tile, or half of them where a vector has 8 lanes.
 */
final class VectorPackedMultiply {
    private static final int PART = 4 * LENGTH;
    /** Rows of a part whose wide scales are the low halves of the first ints, the high ones, and so of the second ints. */
    private static final int HIGH = 16;
    private static final int SECOND = WIDE ? 32 : LENGTH;
    /** Moves the exponent of a shifted f16 to that of a float, less the factor of wide scales. */
    private static final float EXPONENT = 0x1p112f / PackedLayout.SCALE_FACTOR;
    private static final int SHIFTED_HALF = 0x8fffe000;
    private static final float[] NIBBLE_FACTORS = ScalarPackedMultiply.nibbleFactors();

    private VectorPackedMultiply() {}

    static void multiply(PackedMatrix weights, int tile, Activations x, int rows, float[] y, int yStride, float[] s) {
        PackedLayout layout = weights.layout();
        long start = tile * layout.tileBytes(weights.cols());
        int output = tile * TILE_ROWS;
        int outputs = Math.min(TILE_ROWS, weights.rows() - output);
        for (int first = 0; first < rows; first += ROWS) {
            int count = Math.min(ROWS, rows - first);
            Arrays.fill(s, SUMS, SUMS + count * TILE_ROWS, 0);
            if (count == 1) {
                addRow(weights, start, x, first, s);
            } else {
                addRows(weights, start, x, first, count, s);
            }
            for (int row = 0; row < count; row++) {
                System.arraycopy(s, SUMS + row * TILE_ROWS, y, (first + row) * yStride + output, outputs);
            }
        }
    }

    private static void addRow(PackedMatrix weights, long start, Activations x, int row, float[] s) {
        PackedLayout layout = weights.layout();
        MemorySegment data = weights.data();
        long quants = start + layout.stripOffset(weights.cols(), 0);
        long strip = layout.stripBytes(weights.cols());
        int partials = BLOCK / layout.partial();
        float[] operand = x.operand(layout);
        int blocks = weights.blocks();
        for (int from = 0; from < blocks; from += CHUNK_BLOCKS) {
            int count = Math.min(CHUNK_BLOCKS, blocks - from);
            readScales(layout, data, start, from, count, s);
            long at = quants + (long) from * layout.blockBytes();
            int column = row * x.stride() + from * BLOCK;
            if (layout.nibbles()) {
                partialsOfNibbles(data, at, strip, count, operand, column, s);
            } else {
                partialsOfBytes(data, at, strip, count * partials, layout.partial(), operand, column, s);
            }
            float[] sums = x.sums();
            accumulate1(s, PARTIALS, TILE_ROWS, count * partials, layout.minima(), sums, row * x.sumsStride + from,
                    SUMS);
        }
    }

    private static void addRows(PackedMatrix weights, long start, Activations x, int first, int rows, float[] s) {
        PackedLayout layout = weights.layout();
        MemorySegment data = weights.data();
        long quants = start + layout.stripOffset(weights.cols(), 0);
        long strip = layout.stripBytes(weights.cols());
        int partials = BLOCK / layout.partial();
        float[] operand = x.operand(layout);
        int stride = x.stride();
        int sumsStride = x.sumsStride;
        int blocks = weights.blocks();
        for (int from = 0; from < blocks; from += PANEL_BLOCKS) {
            int count = Math.min(PANEL_BLOCKS, blocks - from);
            readScales(layout, data, start, from, count, s);
            long panel = quants + (long) from * layout.blockBytes();
            if (layout.nibbles()) {
                unpackNibbles(data, panel, strip, count, s);
            } else {
                unpackBytes(data, panel, strip, count, s);
            }
            int row = 0;
            for (; row + 4 <= rows; row += 4) {
                int at = (first + row) * stride + from * BLOCK;
                for (int i = 0; i < count * partials; i++) {
                    partials4(s, QUANTS + i * layout.partial() * TILE_ROWS, layout.partial(), operand,
                            at + i * layout.partial(), stride, PARTIALS + i * 4 * TILE_ROWS);
                }
                accumulate4(s, count * partials, layout.minima(), x.sums(), (first + row) * sumsStride + from,
                        sumsStride,
                        SUMS + row * TILE_ROWS);
            }
            if (row + 2 <= rows) {
                int at = (first + row) * stride + from * BLOCK;
                for (int i = 0; i < count * partials; i++) {
                    partials2(s, QUANTS + i * layout.partial() * TILE_ROWS, layout.partial(), operand,
                            at + i * layout.partial(), stride, PARTIALS + i * 2 * TILE_ROWS);
                }
                for (int r = 0; r < 2; r++) {
                    accumulate1(s, PARTIALS + r * TILE_ROWS, 2 * TILE_ROWS, count * partials, layout.minima(), x.sums(),
                            (first + row + r) * sumsStride + from, SUMS + (row + r) * TILE_ROWS);
                }
                row += 2;
            }
            if (row < rows) {
                int at = (first + row) * stride + from * BLOCK;
                for (int i = 0; i < count * partials; i++) {
                    partials1(s, QUANTS + i * layout.partial() * TILE_ROWS, layout.partial(), operand,
                            at + i * layout.partial(), PARTIALS + i * TILE_ROWS);
                }
                accumulate1(s, PARTIALS, TILE_ROWS, count * partials, layout.minima(), x.sums(),
                        (first + row) * sumsStride + from, SUMS + row * TILE_ROWS);
            }
        }
    }

    /** The scales of all partial sums of some blocks, and what minima add. */
    private static void readScales(PackedLayout layout, MemorySegment data, long start, int first, int count,
            float[] s) {
        for (int i = 0; i < count; i++) {
            long header = start + layout.headerOffset(first + i);
            long scales = start + layout.scalesOffset(first + i);
            int minimum = MINIMA + i * TILE_ROWS;
            switch (layout.type()) {
                case Q8_0 -> readWide(data, scales, s, SCALES + i * TILE_ROWS);
                case Q4_0 -> {
                    readWide(data, scales, s, SCALES + i * TILE_ROWS);
                    scale(s, SCALES + i * TILE_ROWS, -8, minimum);
                }
                case Q4_K, Q5_K -> {
                    readWide(data, header, s, SCALES + i * TILE_ROWS);
                    readWide(data, header + SCALE_BYTES, s, minimum);
                    scale(s, minimum, -1, minimum);
                    timesNarrow(data, scales, s, SCALES + i * TILE_ROWS);
                    timesNarrow(data, scales + TILE_ROWS, s, minimum);
                }
                case Q6_K -> {
                    for (int part = 0; part < 2; part++) {
                        int to = SCALES + (2 * i + part) * TILE_ROWS;
                        readWide(data, header, s, to);
                        timesNarrow(data, scales + (long) part * TILE_ROWS, s, to);
                    }
                }
                case F32, F16, BF16 -> throw new IllegalStateException(layout.type() + " is not packed");
            }
        }
    }

    private static void readWide(MemorySegment data, long at, float[] s, int to) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            IntVector first = ints(data, at + 2L * part);
            IntVector second = ints(data, at + 2L * part + 4L * LENGTH);
            low(first).intoArray(s, to + part);
            high(first).intoArray(s, to + part + HIGH);
            low(second).intoArray(s, to + part + SECOND);
            high(second).intoArray(s, to + part + SECOND + HIGH);
        }
    }

    private static FloatVector low(IntVector pairs) {
        return high(pairs.lanewise(VectorOperators.LSHL, 16));
    }

    /** Sign, exponent and mantissa of the upper f16 to where a float has them. */
    private static FloatVector high(IntVector pairs) {
        return pairs.lanewise(VectorOperators.ASHR, 3).and(SHIFTED_HALF).reinterpretAsFloats().mul(EXPONENT);
    }

    private static void timesNarrow(MemorySegment data, long at, float[] s, int to) {
        for (int i = 0; i < TILE_ROWS; i += LENGTH) {
            load(s, to + i).mul(signedBytes(data, at + i)).intoArray(s, to + i);
        }
    }

    private static void scale(float[] s, int from, float factor, int to) {
        for (int i = 0; i < TILE_ROWS; i += LENGTH) {
            load(s, from + i).mul(factor).intoArray(s, to + i);
        }
    }

    private static void unpackBytes(MemorySegment data, long at, long strip, int blocks, float[] s) {
        for (int k = 0; k < blocks * BLOCK; k++) {
            for (int i = 0; i < TILE_ROWS; i += LENGTH) {
                signedBytes(data, at + i / STRIP_ROWS * strip + (long) k * STRIP_ROWS + i % STRIP_ROWS).intoArray(s,
                        QUANTS + k * TILE_ROWS + i);
            }
        }
    }

    private static void unpackNibbles(MemorySegment data, long at, long strip, int blocks, float[] s) {
        for (int eight = 0; eight < blocks * (BLOCK / 8); eight++) {
            for (int i = 0; i < TILE_ROWS; i += LENGTH) {
                IntVector packed = ints(data,
                        at + i / STRIP_ROWS * strip + 4L * (eight * STRIP_ROWS + i % STRIP_ROWS));
                int target = QUANTS + eight * 8 * TILE_ROWS + i;
                IntVector odd = packed.lanewise(VectorOperators.LSHR, 4);
                toFloats(packed.and(0xf)).intoArray(s, target);
                toFloats(odd.and(0xf)).intoArray(s, target + TILE_ROWS);
                toFloats(packed.and(0xf00)).intoArray(s, target + 2 * TILE_ROWS);
                toFloats(odd.and(0xf00)).intoArray(s, target + 3 * TILE_ROWS);
                toFloats(packed.and(0xf0000)).intoArray(s, target + 4 * TILE_ROWS);
                toFloats(odd.and(0xf0000)).intoArray(s, target + 5 * TILE_ROWS);
                toFloats(packed.and(0xf000000)).intoArray(s, target + 6 * TILE_ROWS);
                toFloats(odd.and(0xf000000)).intoArray(s, target + 7 * TILE_ROWS);
            }
        }
    }

    /** Partial sums of 64 rows of weights and 1 row of activations, from the quants as they are in memory. */
    private static void partialsOfBytes(MemorySegment data, long at, long strip, int partials, int columns, float[] x,
            int from, float[] s) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            long atA = at + part / STRIP_ROWS * strip;
            long atB = at + (part + LENGTH) / STRIP_ROWS * strip + LENGTH % STRIP_ROWS;
            long atC = at + (part + 2 * LENGTH) / STRIP_ROWS * strip;
            long atD = at + (part + 3 * LENGTH) / STRIP_ROWS * strip + LENGTH % STRIP_ROWS;
            for (int p = 0; p < partials; p++) {
                FloatVector a = FloatVector.zero(FLOATS);
                FloatVector b = a;
                FloatVector c = a;
                FloatVector d = a;
                for (int k = p * columns; k < (p + 1) * columns; k++) {
                    FloatVector value = FloatVector.broadcast(FLOATS, x[from + k]);
                    long column = (long) k * STRIP_ROWS;
                    a = signedBytes(data, atA + column).fma(value, a);
                    b = signedBytes(data, atB + column).fma(value, b);
                    c = signedBytes(data, atC + column).fma(value, c);
                    d = signedBytes(data, atD + column).fma(value, d);
                }
                int to = PARTIALS + p * TILE_ROWS + part;
                a.intoArray(s, to);
                b.intoArray(s, to + LENGTH);
                c.intoArray(s, to + 2 * LENGTH);
                d.intoArray(s, to + 3 * LENGTH);
            }
        }
    }

    /** As {@link #partialsOfBytes}, of quants that are nibbles. */
    private static void partialsOfNibbles(MemorySegment data, long at, long strip, int blocks, float[] x, int from,
            float[] s) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            long atA = at + part / STRIP_ROWS * strip;
            long atB = at + (part + LENGTH) / STRIP_ROWS * strip + 4L * (LENGTH % STRIP_ROWS);
            long atC = at + (part + 2 * LENGTH) / STRIP_ROWS * strip;
            long atD = at + (part + 3 * LENGTH) / STRIP_ROWS * strip + 4L * (LENGTH % STRIP_ROWS);
            for (int block = 0; block < blocks; block++) {
                FloatVector a = FloatVector.zero(FLOATS);
                FloatVector b = a;
                FloatVector c = a;
                FloatVector d = a;
                for (int eight = block * (BLOCK / 8); eight < (block + 1) * (BLOCK / 8); eight++) {
                    long columns = 4L * STRIP_ROWS * eight;
                    IntVector evenA = ints(data, atA + columns);
                    IntVector evenB = ints(data, atB + columns);
                    IntVector evenC = ints(data, atC + columns);
                    IntVector evenD = ints(data, atD + columns);
                    IntVector oddA = evenA.lanewise(VectorOperators.LSHR, 4);
                    IntVector oddB = evenB.lanewise(VectorOperators.LSHR, 4);
                    IntVector oddC = evenC.lanewise(VectorOperators.LSHR, 4);
                    IntVector oddD = evenD.lanewise(VectorOperators.LSHR, 4);
                    for (int pair = 0; pair < 4; pair++) {
                        int column = from + 8 * eight + 2 * pair;
                        FloatVector even = FloatVector.broadcast(FLOATS, x[column]);
                        FloatVector odd = FloatVector.broadcast(FLOATS, x[column + 1]);
                        IntVector mask = IntVector.broadcast(INTS, 0xf << (8 * pair));
                        a = toFloats(evenA.and(mask)).fma(even, a);
                        b = toFloats(evenB.and(mask)).fma(even, b);
                        c = toFloats(evenC.and(mask)).fma(even, c);
                        d = toFloats(evenD.and(mask)).fma(even, d);
                        a = toFloats(oddA.and(mask)).fma(odd, a);
                        b = toFloats(oddB.and(mask)).fma(odd, b);
                        c = toFloats(oddC.and(mask)).fma(odd, c);
                        d = toFloats(oddD.and(mask)).fma(odd, d);
                    }
                }
                int to = PARTIALS + block * TILE_ROWS + part;
                a.intoArray(s, to);
                b.intoArray(s, to + LENGTH);
                c.intoArray(s, to + 2 * LENGTH);
                d.intoArray(s, to + 3 * LENGTH);
            }
        }
    }

    /** Partial sums of 64 rows of weights and 4 rows of activations. */
    private static void partials4(float[] s, int quants, int count, float[] x, int from, int xStride, int to) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            FloatVector a0 = FloatVector.zero(FLOATS);
            FloatVector b0 = a0;
            FloatVector c0 = a0;
            FloatVector d0 = a0;
            FloatVector a1 = a0;
            FloatVector b1 = a0;
            FloatVector c1 = a0;
            FloatVector d1 = a0;
            FloatVector a2 = a0;
            FloatVector b2 = a0;
            FloatVector c2 = a0;
            FloatVector d2 = a0;
            FloatVector a3 = a0;
            FloatVector b3 = a0;
            FloatVector c3 = a0;
            FloatVector d3 = a0;
            for (int k = 0; k < count; k++) {
                int at = quants + k * TILE_ROWS + part;
                FloatVector a = load(s, at);
                FloatVector b = load(s, at + LENGTH);
                FloatVector c = load(s, at + 2 * LENGTH);
                FloatVector d = load(s, at + 3 * LENGTH);
                FloatVector x0 = FloatVector.broadcast(FLOATS, x[from + k]);
                a0 = a.fma(x0, a0);
                b0 = b.fma(x0, b0);
                c0 = c.fma(x0, c0);
                d0 = d.fma(x0, d0);
                FloatVector x1 = FloatVector.broadcast(FLOATS, x[from + xStride + k]);
                a1 = a.fma(x1, a1);
                b1 = b.fma(x1, b1);
                c1 = c.fma(x1, c1);
                d1 = d.fma(x1, d1);
                FloatVector x2 = FloatVector.broadcast(FLOATS, x[from + 2 * xStride + k]);
                a2 = a.fma(x2, a2);
                b2 = b.fma(x2, b2);
                c2 = c.fma(x2, c2);
                d2 = d.fma(x2, d2);
                FloatVector x3 = FloatVector.broadcast(FLOATS, x[from + 3 * xStride + k]);
                a3 = a.fma(x3, a3);
                b3 = b.fma(x3, b3);
                c3 = c.fma(x3, c3);
                d3 = d.fma(x3, d3);
            }
            int at = to + part;
            a0.intoArray(s, at);
            b0.intoArray(s, at + LENGTH);
            c0.intoArray(s, at + 2 * LENGTH);
            d0.intoArray(s, at + 3 * LENGTH);
            a1.intoArray(s, at + TILE_ROWS);
            b1.intoArray(s, at + TILE_ROWS + LENGTH);
            c1.intoArray(s, at + TILE_ROWS + 2 * LENGTH);
            d1.intoArray(s, at + TILE_ROWS + 3 * LENGTH);
            a2.intoArray(s, at + 2 * TILE_ROWS);
            b2.intoArray(s, at + 2 * TILE_ROWS + LENGTH);
            c2.intoArray(s, at + 2 * TILE_ROWS + 2 * LENGTH);
            d2.intoArray(s, at + 2 * TILE_ROWS + 3 * LENGTH);
            a3.intoArray(s, at + 3 * TILE_ROWS);
            b3.intoArray(s, at + 3 * TILE_ROWS + LENGTH);
            c3.intoArray(s, at + 3 * TILE_ROWS + 2 * LENGTH);
            d3.intoArray(s, at + 3 * TILE_ROWS + 3 * LENGTH);
        }
    }

    /** Partial sums of 64 rows of weights and 2 rows of activations. */
    private static void partials2(float[] s, int quants, int count, float[] x, int from, int xStride, int to) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            FloatVector a0 = FloatVector.zero(FLOATS);
            FloatVector b0 = a0;
            FloatVector c0 = a0;
            FloatVector d0 = a0;
            FloatVector a1 = a0;
            FloatVector b1 = a0;
            FloatVector c1 = a0;
            FloatVector d1 = a0;
            for (int k = 0; k < count; k++) {
                int at = quants + k * TILE_ROWS + part;
                FloatVector a = load(s, at);
                FloatVector b = load(s, at + LENGTH);
                FloatVector c = load(s, at + 2 * LENGTH);
                FloatVector d = load(s, at + 3 * LENGTH);
                FloatVector x0 = FloatVector.broadcast(FLOATS, x[from + k]);
                a0 = a.fma(x0, a0);
                b0 = b.fma(x0, b0);
                c0 = c.fma(x0, c0);
                d0 = d.fma(x0, d0);
                FloatVector x1 = FloatVector.broadcast(FLOATS, x[from + xStride + k]);
                a1 = a.fma(x1, a1);
                b1 = b.fma(x1, b1);
                c1 = c.fma(x1, c1);
                d1 = d.fma(x1, d1);
            }
            int at = to + part;
            a0.intoArray(s, at);
            b0.intoArray(s, at + LENGTH);
            c0.intoArray(s, at + 2 * LENGTH);
            d0.intoArray(s, at + 3 * LENGTH);
            a1.intoArray(s, at + TILE_ROWS);
            b1.intoArray(s, at + TILE_ROWS + LENGTH);
            c1.intoArray(s, at + TILE_ROWS + 2 * LENGTH);
            d1.intoArray(s, at + TILE_ROWS + 3 * LENGTH);
        }
    }

    /** Partial sums of 64 rows of weights and 1 row of activations. */
    private static void partials1(float[] s, int quants, int count, float[] x, int from, int to) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            FloatVector a0 = FloatVector.zero(FLOATS);
            FloatVector b0 = a0;
            FloatVector c0 = a0;
            FloatVector d0 = a0;
            for (int k = 0; k < count; k++) {
                int at = quants + k * TILE_ROWS + part;
                FloatVector a = load(s, at);
                FloatVector b = load(s, at + LENGTH);
                FloatVector c = load(s, at + 2 * LENGTH);
                FloatVector d = load(s, at + 3 * LENGTH);
                FloatVector x0 = FloatVector.broadcast(FLOATS, x[from + k]);
                a0 = a.fma(x0, a0);
                b0 = b.fma(x0, b0);
                c0 = c.fma(x0, c0);
                d0 = d.fma(x0, d0);
            }
            int at = to + part;
            a0.intoArray(s, at);
            b0.intoArray(s, at + LENGTH);
            c0.intoArray(s, at + 2 * LENGTH);
            d0.intoArray(s, at + 3 * LENGTH);
        }
    }

    /** Takes the partial sums of one row of activations into its accumulators, in order. */
    private static void accumulate1(float[] s, int partials, int stride, int count, boolean minima, float[] sums,
            int sumsFrom, int to) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            int sum = to + part;
            FloatVector a = load(s, sum);
            FloatVector b = load(s, sum + LENGTH);
            FloatVector c = load(s, sum + 2 * LENGTH);
            FloatVector d = load(s, sum + 3 * LENGTH);
            for (int p = 0; p < count; p++) {
                int scale = SCALES + p * TILE_ROWS + part;
                int partial = partials + p * stride + part;
                a = load(s, scale).fma(load(s, partial), a);
                b = load(s, scale + LENGTH).fma(load(s, partial + LENGTH), b);
                c = load(s, scale + 2 * LENGTH).fma(load(s, partial + 2 * LENGTH), c);
                d = load(s, scale + 3 * LENGTH).fma(load(s, partial + 3 * LENGTH), d);
                if (minima) {
                    int minimum = MINIMA + p * TILE_ROWS + part;
                    FloatVector activations = FloatVector.broadcast(FLOATS, sums[sumsFrom + p]);
                    a = load(s, minimum).fma(activations, a);
                    b = load(s, minimum + LENGTH).fma(activations, b);
                    c = load(s, minimum + 2 * LENGTH).fma(activations, c);
                    d = load(s, minimum + 3 * LENGTH).fma(activations, d);
                }
            }
            a.intoArray(s, sum);
            b.intoArray(s, sum + LENGTH);
            c.intoArray(s, sum + 2 * LENGTH);
            d.intoArray(s, sum + 3 * LENGTH);
        }
    }

    /** As {@link #accumulate1}, for four rows. */
    private static void accumulate4(float[] s, int count, boolean minima, float[] sums, int sumsFrom, int sumsStride,
            int to) {
        for (int i = 0; i < TILE_ROWS; i += LENGTH) {
            FloatVector sum0 = load(s, to + i);
            FloatVector sum1 = load(s, to + TILE_ROWS + i);
            FloatVector sum2 = load(s, to + 2 * TILE_ROWS + i);
            FloatVector sum3 = load(s, to + 3 * TILE_ROWS + i);
            for (int p = 0; p < count; p++) {
                FloatVector scale = load(s, SCALES + p * TILE_ROWS + i);
                int at = PARTIALS + p * 4 * TILE_ROWS + i;
                sum0 = scale.fma(load(s, at), sum0);
                sum1 = scale.fma(load(s, at + TILE_ROWS), sum1);
                sum2 = scale.fma(load(s, at + 2 * TILE_ROWS), sum2);
                sum3 = scale.fma(load(s, at + 3 * TILE_ROWS), sum3);
                if (minima) {
                    FloatVector minimum = load(s, MINIMA + p * TILE_ROWS + i);
                    int from = sumsFrom + p;
                    sum0 = minimum.fma(FloatVector.broadcast(FLOATS, sums[from]), sum0);
                    sum1 = minimum.fma(FloatVector.broadcast(FLOATS, sums[from + sumsStride]), sum1);
                    sum2 = minimum.fma(FloatVector.broadcast(FLOATS, sums[from + 2 * sumsStride]), sum2);
                    sum3 = minimum.fma(FloatVector.broadcast(FLOATS, sums[from + 3 * sumsStride]), sum3);
                }
            }
            sum0.intoArray(s, to + i);
            sum1.intoArray(s, to + TILE_ROWS + i);
            sum2.intoArray(s, to + 2 * TILE_ROWS + i);
            sum3.intoArray(s, to + 3 * TILE_ROWS + i);
        }
    }

    /** {@link Kernels#prepare}. */
    static void prepare(Activations x, int row, int from, int count) {
        float[] values = x.values();
        float[] nibbles = x.nibbles();
        int at = row * x.stride() + from;
        for (int i = at; i < at + count; i += LENGTH) {
            load(values, i).mul(FloatVector.fromArray(FLOATS, NIBBLE_FACTORS, 0)).intoArray(nibbles, i);
        }
        for (int block = 0; block < count / BLOCK; block++) {
            int lanes = at + block * BLOCK;
            FloatVector low = load(values, lanes).add(load(values, lanes + Kernels.LANES));
            FloatVector high = WIDE
                    ? FloatVector.zero(FLOATS)
                    : load(values, lanes + LENGTH).add(load(values, lanes + Kernels.LANES + LENGTH));
            x.sums()[row * x.sumsStride + from / BLOCK + block] = Lanes.sum(low, high);
        }
    }
}
