package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.Lanes.FLOATS;
import static io.millrace.runtime.kernels.Lanes.INTS;
import static io.millrace.runtime.kernels.Lanes.LENGTH;
import static io.millrace.runtime.kernels.Lanes.WIDE;
import static io.millrace.runtime.kernels.Lanes.ints;
import static io.millrace.runtime.kernels.Lanes.load;
import static io.millrace.runtime.kernels.Lanes.signedBytes;
import static io.millrace.runtime.kernels.Lanes.toFloats;
import static io.millrace.runtime.kernels.PackedTiling.BLOCK_SCALES;
import static io.millrace.runtime.kernels.PackedTiling.CHUNK_BLOCKS;
import static io.millrace.runtime.kernels.PackedTiling.HEADER;
import static io.millrace.runtime.kernels.PackedTiling.MINIMA;
import static io.millrace.runtime.kernels.PackedTiling.PANEL_BLOCKS;
import static io.millrace.runtime.kernels.PackedTiling.ROWS;
import static io.millrace.runtime.kernels.PackedTiling.SCALES;
import static io.millrace.runtime.kernels.PackedTiling.SUMS;
import static io.millrace.runtime.kernels.PackedTiling.WEIGHTS;
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
 * Products with packed matrices: a lane is a row of weights. One row of activations meets the weights as they stream by; for
 * more of them a panel of weights is first dequantized into scratch. Each step goes through arrays, because a method that
 * takes or gives vectors may not be inlined, and vectors that cross a call are boxed.
 *
 * <p>
 * A part is what four vectors hold: all 64 rows of a tile, or half of them where a vector has 8 lanes.
 */
final class VectorPackedMultiply {
    private static final int PART = 4 * LENGTH;
    /** How far apart the rows of a pair of wide scales are. */
    private static final int HIGH = 16;
    /** Moves the exponent of a shifted f16 to that of a float, less the factor of wide scales. */
    private static final float EXPONENT = 0x1p112f / PackedLayout.SCALE_FACTOR;
    private static final int SHIFTED_HALF = 0x8fffe000;
    /** What a block's scales take in scratch. */
    private static final int SCALED_BLOCK = BLOCK_SCALES * TILE_ROWS;
    /** What scales are multiplied by when the quants are a byte higher. */
    private static final float BYTE_DOWN = 0x1p-8f;

    private VectorPackedMultiply() {}

    static void multiply(PackedMatrix weights, int tile, Activations x, int rows, float[] y, int yOffset, int yStride,
            float[] s) {
        long start = tile * weights.layout().tileBytes(weights.cols());
        int outputs = Math.min(TILE_ROWS, weights.rows() - tile * TILE_ROWS);
        for (int first = 0; first < rows; first += ROWS) {
            int count = Math.min(ROWS, rows - first);
            Arrays.fill(s, SUMS, SUMS + count * TILE_ROWS, 0);
            if (count == 1) {
                addRow(weights, start, x.values(), first * x.stride(), s);
            } else {
                addRows(weights, start, x.values(), first * x.stride(), x.stride(), count, s);
            }
            for (int row = 0; row < count; row++) {
                System.arraycopy(s, SUMS + row * TILE_ROWS, y, yOffset + (first + row) * yStride, outputs);
            }
        }
    }

    private static void addRow(PackedMatrix weights, long start, float[] x, int from, float[] s) {
        PackedLayout layout = weights.layout();
        long quants = start + layout.stripOffset(weights.cols(), 0);
        long strip = layout.stripBytes(weights.cols());
        for (int block = 0; block < weights.blocks(); block += CHUNK_BLOCKS) {
            int count = Math.min(CHUNK_BLOCKS, weights.blocks() - block);
            readScales(layout, weights.data(), start, block, count, s);
            long at = quants + (long) block * layout.blockBytes();
            if (layout.nibbles()) {
                scaleNibbles(s, count);
                addNibbles(weights.data(), at, strip, count, x, from + block * BLOCK, s);
            } else {
                addBytes(weights.data(), at, strip, count, layout.scaled(), x, from + block * BLOCK, s);
            }
        }
    }

    private static void addRows(PackedMatrix weights, long start, float[] x, int from, int stride, int rows,
            float[] s) {
        PackedLayout layout = weights.layout();
        long quants = start + layout.stripOffset(weights.cols(), 0);
        long strip = layout.stripBytes(weights.cols());
        for (int block = 0; block < weights.blocks(); block += PANEL_BLOCKS) {
            int count = Math.min(PANEL_BLOCKS, weights.blocks() - block);
            readScales(layout, weights.data(), start, block, count, s);
            long at = quants + (long) block * layout.blockBytes();
            if (layout.nibbles()) {
                dequantizeNibbles(weights.data(), at, strip, count, s);
            } else {
                dequantizeBytes(weights.data(), at, strip, count, layout.scaled(), s);
            }
            int columns = count * BLOCK;
            int column = from + block * BLOCK;
            int row = 0;
            for (; row + 4 <= rows; row += 4) {
                add4(s, columns, x, column + row * stride, stride, SUMS + row * TILE_ROWS);
            }
            if (row + 2 <= rows) {
                add2(s, columns, x, column + row * stride, stride, SUMS + row * TILE_ROWS);
                row += 2;
            }
            if (row < rows) {
                add1(s, columns, x, column + row * stride, SUMS + row * TILE_ROWS);
            }
        }
    }

    /**
     * The scales and negative minima of some blocks. Each step has one call for all types: with a call for each type, the
     * compiler gives up inlining, and boxes.
     */
    private static void readScales(PackedLayout layout, MemorySegment data, long start, int first, int count,
            float[] s) {
        boolean narrow = layout.headerBytes() > 0;
        boolean ownMinima = layout.headerBytes() > SCALE_BYTES;
        float minimum = layout.minima() ? -8 : 0;
        for (int i = 0; i < count; i++) {
            int block = first + i;
            long scales = start + layout.scalesOffset(block);
            int to = SCALES + i * SCALED_BLOCK;
            int toMinima = MINIMA + i * TILE_ROWS;
            int wide = narrow ? HEADER : to;
            if (i == 0 || block % layout.groupBlocks() == 0) {
                readWide(data, narrow ? start + layout.headerOffset(block) : scales, ownMinima ? 2 : 1, s, wide);
            }
            if (!ownMinima) {
                scale(s, wide, minimum, toMinima);
            }
            for (int part = 0; narrow && part < 2; part++) {
                boolean minima = part == 1 && ownMinima;
                timesNarrow(data, scales + (long) part * TILE_ROWS, minima ? -1 : 1, s,
                        minima ? wide + TILE_ROWS : wide, minima ? toMinima : to + part * TILE_ROWS);
            }
        }
    }

    /** Scales for nibbles that are masked in the second, third and fourth byte of an int, but not shifted down. */
    private static void scaleNibbles(float[] s, int blocks) {
        for (int block = 0; block < blocks; block++) {
            for (int i = 0; i < TILE_ROWS; i += LENGTH) {
                int at = SCALES + block * SCALED_BLOCK + i;
                FloatVector scale = load(s, at);
                scale.mul(BYTE_DOWN).intoArray(s, at + TILE_ROWS);
                scale.mul(BYTE_DOWN * BYTE_DOWN).intoArray(s, at + 2 * TILE_ROWS);
                scale.mul(BYTE_DOWN * BYTE_DOWN * BYTE_DOWN).intoArray(s, at + 3 * TILE_ROWS);
            }
        }
    }

    private static void readWide(MemorySegment data, long at, int count, float[] s, int to) {
        for (int i = 0; i < count * SCALE_BYTES; i += 4 * LENGTH) {
            IntVector pairs = ints(data, at + i);
            int row = i / 2;
            int target = to + (WIDE ? row : row / 32 * 32 + row % 32 / 2);
            low(pairs).intoArray(s, target);
            high(pairs).intoArray(s, target + HIGH);
        }
    }

    private static FloatVector low(IntVector pairs) {
        return high(pairs.lanewise(VectorOperators.LSHL, 16));
    }

    /** Sign, exponent and mantissa of the upper f16 to where a float has them. */
    private static FloatVector high(IntVector pairs) {
        return pairs.lanewise(VectorOperators.ASHR, 3).and(SHIFTED_HALF).reinterpretAsFloats().mul(EXPONENT);
    }

    private static void timesNarrow(MemorySegment data, long at, float factor, float[] s, int from, int to) {
        for (int i = 0; i < TILE_ROWS; i += LENGTH) {
            load(s, from + i).mul(signedBytes(data, at + i)).mul(factor).intoArray(s, to + i);
        }
    }

    private static void scale(float[] s, int from, float factor, int to) {
        for (int i = 0; i < TILE_ROWS; i += LENGTH) {
            load(s, from + i).mul(factor).intoArray(s, to + i);
        }
    }

    private static void dequantizeBytes(MemorySegment data, long at, long strip, int blocks, int scaled, float[] s) {
        for (int run = 0; run < blocks * (BLOCK / scaled); run++) {
            int block = run * scaled / BLOCK;
            int scales = SCALES + block * SCALED_BLOCK + run % (BLOCK / scaled) * TILE_ROWS;
            for (int i = 0; i < TILE_ROWS; i += LENGTH) {
                FloatVector scale = load(s, scales + i);
                FloatVector minimum = load(s, MINIMA + block * TILE_ROWS + i);
                long quants = at + i / STRIP_ROWS * strip + i % STRIP_ROWS;
                for (int k = run * scaled; k < (run + 1) * scaled; k++) {
                    signedBytes(data, quants + (long) k * STRIP_ROWS).fma(scale, minimum).intoArray(s,
                            WEIGHTS + k * TILE_ROWS + i);
                }
            }
        }
    }

    private static void dequantizeNibbles(MemorySegment data, long at, long strip, int blocks, float[] s) {
        for (int block = 0; block < blocks; block++) {
            for (int i = 0; i < TILE_ROWS; i += LENGTH) {
                FloatVector scale0 = load(s, SCALES + block * SCALED_BLOCK + i);
                FloatVector scale1 = scale0.mul(BYTE_DOWN);
                FloatVector scale2 = scale1.mul(BYTE_DOWN);
                FloatVector scale3 = scale2.mul(BYTE_DOWN);
                FloatVector minimum = load(s, MINIMA + block * TILE_ROWS + i);
                long quants = at + i / STRIP_ROWS * strip + 4L * (i % STRIP_ROWS);
                for (int eight = block * (BLOCK / 8); eight < (block + 1) * (BLOCK / 8); eight++) {
                    IntVector low = ints(data, quants + 4L * STRIP_ROWS * eight);
                    IntVector high = low.lanewise(VectorOperators.LSHR, 4);
                    int to = WEIGHTS + eight * 8 * TILE_ROWS + i;
                    toFloats(low.and(0xf)).fma(scale0, minimum).intoArray(s, to);
                    toFloats(low.and(0xf00)).fma(scale1, minimum).intoArray(s, to + TILE_ROWS);
                    toFloats(low.and(0xf0000)).fma(scale2, minimum).intoArray(s, to + 2 * TILE_ROWS);
                    toFloats(low.and(0xf000000)).fma(scale3, minimum).intoArray(s, to + 3 * TILE_ROWS);
                    toFloats(high.and(0xf)).fma(scale0, minimum).intoArray(s, to + 4 * TILE_ROWS);
                    toFloats(high.and(0xf00)).fma(scale1, minimum).intoArray(s, to + 5 * TILE_ROWS);
                    toFloats(high.and(0xf0000)).fma(scale2, minimum).intoArray(s, to + 6 * TILE_ROWS);
                    toFloats(high.and(0xf000000)).fma(scale3, minimum).intoArray(s, to + 7 * TILE_ROWS);
                }
            }
        }
    }

    /** Adds the products of quants that are bytes and a row of activations to its sums. */
    private static void addBytes(MemorySegment data, long at, long strip, int blocks, int scaled, float[] x, int from,
            float[] s) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            long atA = at + part / STRIP_ROWS * strip;
            long atB = at + (part + LENGTH) / STRIP_ROWS * strip + LENGTH % STRIP_ROWS;
            long atC = at + (part + 2 * LENGTH) / STRIP_ROWS * strip;
            long atD = at + (part + 3 * LENGTH) / STRIP_ROWS * strip + LENGTH % STRIP_ROWS;
            int sum = SUMS + part;
            FloatVector a = load(s, sum);
            FloatVector b = load(s, sum + LENGTH);
            FloatVector c = load(s, sum + 2 * LENGTH);
            FloatVector d = load(s, sum + 3 * LENGTH);
            for (int run = 0; run < blocks * (BLOCK / scaled); run++) {
                int block = run * scaled / BLOCK;
                int scale = SCALES + block * SCALED_BLOCK + run % (BLOCK / scaled) * TILE_ROWS + part;
                FloatVector scaleA = load(s, scale);
                FloatVector scaleB = load(s, scale + LENGTH);
                FloatVector scaleC = load(s, scale + 2 * LENGTH);
                FloatVector scaleD = load(s, scale + 3 * LENGTH);
                int minimum = MINIMA + block * TILE_ROWS + part;
                FloatVector minimumA = load(s, minimum);
                FloatVector minimumB = load(s, minimum + LENGTH);
                FloatVector minimumC = load(s, minimum + 2 * LENGTH);
                FloatVector minimumD = load(s, minimum + 3 * LENGTH);
                for (int k = run * scaled; k < (run + 1) * scaled; k++) {
                    FloatVector value = FloatVector.broadcast(FLOATS, x[from + k]);
                    long column = (long) k * STRIP_ROWS;
                    a = signedBytes(data, atA + column).fma(scaleA, minimumA).fma(value, a);
                    b = signedBytes(data, atB + column).fma(scaleB, minimumB).fma(value, b);
                    c = signedBytes(data, atC + column).fma(scaleC, minimumC).fma(value, c);
                    d = signedBytes(data, atD + column).fma(scaleD, minimumD).fma(value, d);
                }
            }
            a.intoArray(s, sum);
            b.intoArray(s, sum + LENGTH);
            c.intoArray(s, sum + 2 * LENGTH);
            d.intoArray(s, sum + 3 * LENGTH);
        }
    }

    /**
     * As {@link #addBytes}, of quants that are nibbles: they are masked, but not shifted down to bit 0, and meet scales that are
     * as much smaller. Loops over the halves and the bytes of an int, which the compiler unrolls, because with more written
     * out it gives up inlining.
     */
    private static void addNibbles(MemorySegment data, long at, long strip, int blocks, float[] x, int from,
            float[] s) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            long atA = at + part / STRIP_ROWS * strip;
            long atB = at + (part + LENGTH) / STRIP_ROWS * strip + 4L * (LENGTH % STRIP_ROWS);
            long atC = at + (part + 2 * LENGTH) / STRIP_ROWS * strip;
            long atD = at + (part + 3 * LENGTH) / STRIP_ROWS * strip + 4L * (LENGTH % STRIP_ROWS);
            int sum = SUMS + part;
            FloatVector a = load(s, sum);
            FloatVector b = load(s, sum + LENGTH);
            FloatVector c = load(s, sum + 2 * LENGTH);
            FloatVector d = load(s, sum + 3 * LENGTH);
            for (int block = 0; block < blocks; block++) {
                int minimum = MINIMA + block * TILE_ROWS + part;
                FloatVector minimumA = load(s, minimum);
                FloatVector minimumB = load(s, minimum + LENGTH);
                FloatVector minimumC = load(s, minimum + 2 * LENGTH);
                FloatVector minimumD = load(s, minimum + 3 * LENGTH);
                for (int eight = block * (BLOCK / 8); eight < (block + 1) * (BLOCK / 8); eight++) {
                    long ints = 4L * STRIP_ROWS * eight;
                    IntVector intsA = ints(data, atA + ints);
                    IntVector intsB = ints(data, atB + ints);
                    IntVector intsC = ints(data, atC + ints);
                    IntVector intsD = ints(data, atD + ints);
                    for (int half = 0; half < 2; half++) {
                        IntVector halfA = intsA.lanewise(VectorOperators.LSHR, 4 * half);
                        IntVector halfB = intsB.lanewise(VectorOperators.LSHR, 4 * half);
                        IntVector halfC = intsC.lanewise(VectorOperators.LSHR, 4 * half);
                        IntVector halfD = intsD.lanewise(VectorOperators.LSHR, 4 * half);
                        for (int j = 0; j < 4; j++) {
                            FloatVector value = FloatVector.broadcast(FLOATS, x[from + 8 * eight + 4 * half + j]);
                            IntVector mask = IntVector.broadcast(INTS, 0xf << (8 * j));
                            int scale = SCALES + block * SCALED_BLOCK + j * TILE_ROWS + part;
                            a = toFloats(halfA.and(mask)).fma(load(s, scale), minimumA).fma(value, a);
                            b = toFloats(halfB.and(mask)).fma(load(s, scale + LENGTH), minimumB).fma(value, b);
                            c = toFloats(halfC.and(mask)).fma(load(s, scale + 2 * LENGTH), minimumC).fma(value, c);
                            d = toFloats(halfD.and(mask)).fma(load(s, scale + 3 * LENGTH), minimumD).fma(value, d);
                        }
                    }
                }
            }
            a.intoArray(s, sum);
            b.intoArray(s, sum + LENGTH);
            c.intoArray(s, sum + 2 * LENGTH);
            d.intoArray(s, sum + 3 * LENGTH);
        }
    }

    /** Adds the products of dequantized weights and 4 rows of activations to its sums. */
    private static void add4(float[] s, int columns, float[] x, int from, int xStride, int to) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            int sum = to + part;
            FloatVector a0 = load(s, sum);
            FloatVector b0 = load(s, sum + LENGTH);
            FloatVector c0 = load(s, sum + 2 * LENGTH);
            FloatVector d0 = load(s, sum + 3 * LENGTH);
            FloatVector a1 = load(s, sum + TILE_ROWS);
            FloatVector b1 = load(s, sum + TILE_ROWS + LENGTH);
            FloatVector c1 = load(s, sum + TILE_ROWS + 2 * LENGTH);
            FloatVector d1 = load(s, sum + TILE_ROWS + 3 * LENGTH);
            FloatVector a2 = load(s, sum + 2 * TILE_ROWS);
            FloatVector b2 = load(s, sum + 2 * TILE_ROWS + LENGTH);
            FloatVector c2 = load(s, sum + 2 * TILE_ROWS + 2 * LENGTH);
            FloatVector d2 = load(s, sum + 2 * TILE_ROWS + 3 * LENGTH);
            FloatVector a3 = load(s, sum + 3 * TILE_ROWS);
            FloatVector b3 = load(s, sum + 3 * TILE_ROWS + LENGTH);
            FloatVector c3 = load(s, sum + 3 * TILE_ROWS + 2 * LENGTH);
            FloatVector d3 = load(s, sum + 3 * TILE_ROWS + 3 * LENGTH);
            for (int k = 0; k < columns; k++) {
                int weights = WEIGHTS + k * TILE_ROWS + part;
                FloatVector a = load(s, weights);
                FloatVector b = load(s, weights + LENGTH);
                FloatVector c = load(s, weights + 2 * LENGTH);
                FloatVector d = load(s, weights + 3 * LENGTH);
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
            a0.intoArray(s, sum);
            b0.intoArray(s, sum + LENGTH);
            c0.intoArray(s, sum + 2 * LENGTH);
            d0.intoArray(s, sum + 3 * LENGTH);
            a1.intoArray(s, sum + TILE_ROWS);
            b1.intoArray(s, sum + TILE_ROWS + LENGTH);
            c1.intoArray(s, sum + TILE_ROWS + 2 * LENGTH);
            d1.intoArray(s, sum + TILE_ROWS + 3 * LENGTH);
            a2.intoArray(s, sum + 2 * TILE_ROWS);
            b2.intoArray(s, sum + 2 * TILE_ROWS + LENGTH);
            c2.intoArray(s, sum + 2 * TILE_ROWS + 2 * LENGTH);
            d2.intoArray(s, sum + 2 * TILE_ROWS + 3 * LENGTH);
            a3.intoArray(s, sum + 3 * TILE_ROWS);
            b3.intoArray(s, sum + 3 * TILE_ROWS + LENGTH);
            c3.intoArray(s, sum + 3 * TILE_ROWS + 2 * LENGTH);
            d3.intoArray(s, sum + 3 * TILE_ROWS + 3 * LENGTH);
        }
    }

    /** Adds the products of dequantized weights and 2 rows of activations to its sums. */
    private static void add2(float[] s, int columns, float[] x, int from, int xStride, int to) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            int sum = to + part;
            FloatVector a0 = load(s, sum);
            FloatVector b0 = load(s, sum + LENGTH);
            FloatVector c0 = load(s, sum + 2 * LENGTH);
            FloatVector d0 = load(s, sum + 3 * LENGTH);
            FloatVector a1 = load(s, sum + TILE_ROWS);
            FloatVector b1 = load(s, sum + TILE_ROWS + LENGTH);
            FloatVector c1 = load(s, sum + TILE_ROWS + 2 * LENGTH);
            FloatVector d1 = load(s, sum + TILE_ROWS + 3 * LENGTH);
            for (int k = 0; k < columns; k++) {
                int weights = WEIGHTS + k * TILE_ROWS + part;
                FloatVector a = load(s, weights);
                FloatVector b = load(s, weights + LENGTH);
                FloatVector c = load(s, weights + 2 * LENGTH);
                FloatVector d = load(s, weights + 3 * LENGTH);
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
            a0.intoArray(s, sum);
            b0.intoArray(s, sum + LENGTH);
            c0.intoArray(s, sum + 2 * LENGTH);
            d0.intoArray(s, sum + 3 * LENGTH);
            a1.intoArray(s, sum + TILE_ROWS);
            b1.intoArray(s, sum + TILE_ROWS + LENGTH);
            c1.intoArray(s, sum + TILE_ROWS + 2 * LENGTH);
            d1.intoArray(s, sum + TILE_ROWS + 3 * LENGTH);
        }
    }

    /** Adds the products of dequantized weights and a row of activations to its sums. */
    private static void add1(float[] s, int columns, float[] x, int from, int to) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            int sum = to + part;
            FloatVector a0 = load(s, sum);
            FloatVector b0 = load(s, sum + LENGTH);
            FloatVector c0 = load(s, sum + 2 * LENGTH);
            FloatVector d0 = load(s, sum + 3 * LENGTH);
            for (int k = 0; k < columns; k++) {
                int weights = WEIGHTS + k * TILE_ROWS + part;
                FloatVector a = load(s, weights);
                FloatVector b = load(s, weights + LENGTH);
                FloatVector c = load(s, weights + 2 * LENGTH);
                FloatVector d = load(s, weights + 3 * LENGTH);
                FloatVector x0 = FloatVector.broadcast(FLOATS, x[from + k]);
                a0 = a.fma(x0, a0);
                b0 = b.fma(x0, b0);
                c0 = c.fma(x0, c0);
                d0 = d.fma(x0, d0);
            }
            a0.intoArray(s, sum);
            b0.intoArray(s, sum + LENGTH);
            c0.intoArray(s, sum + 2 * LENGTH);
            d0.intoArray(s, sum + 3 * LENGTH);
        }
    }
}
