package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.Lanes.FLOATS;
import static io.millrace.runtime.kernels.Lanes.LENGTH;
import static io.millrace.runtime.kernels.Lanes.ints;
import static io.millrace.runtime.kernels.Lanes.load;
import static io.millrace.runtime.kernels.Lanes.toFloats;
import static io.millrace.runtime.kernels.PackedTiling.FLOAT_BLOCKS;
import static io.millrace.runtime.kernels.PackedTiling.GROUP_ROWS;
import static io.millrace.runtime.kernels.PackedTiling.HALVES;
import static io.millrace.runtime.kernels.PackedTiling.ROWS;
import static io.millrace.runtime.kernels.PackedTiling.SCALES;
import static io.millrace.runtime.kernels.PackedTiling.STREAM_BLOCKS;
import static io.millrace.runtime.kernels.PackedTiling.SUMS;
import static io.millrace.runtime.kernels.PackedTiling.WEIGHTS;
import static io.millrace.runtime.packing.PackedLayout.BLOCK;
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
 * Products of f32 activations with packed matrices of Q8_0: a lane is a row of weights. A quant becomes a float where it ends up
 * when it is shifted to the top of its int, 2^24 times too large, which the scale makes up for. One row of activations meets
 * the quants as they stream by, four vectors of rows side by side; for more of them a panel of quants is first converted into
 * scratch. Each step goes through arrays: see {@link VectorIntegerMultiply}.
 */
final class VectorFloatMultiply {
    private static final int TOP = 0xff000000;
    /** Rows of weights that are computed together: two vectors. */
    private static final int PART = 2 * LENGTH;
    /** Rows of weights that one row of activations meets together: four vectors, which come in side by side. */
    private static final int STREAM = 4 * LENGTH;
    /** Bytes from the ints of four columns of a strip to those of the next ones. */
    private static final long STEP = 4L * STRIP_ROWS;

    private VectorFloatMultiply() {}

    static void multiply(PackedMatrix weights, int tile, Activations x, int rows, float[] y, int yOffset, int yStride,
            KernelScratch scratch) {
        long start = tile * weights.layout().tileBytes(weights.cols());
        int outputs = Math.min(TILE_ROWS, weights.rows() - tile * TILE_ROWS);
        float[] s = scratch.floats;
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
        for (int part = 0; part < TILE_ROWS; part += STREAM) {
            for (int block = 0; block < weights.blocks(); block += STREAM_BLOCKS) {
                int count = Math.min(STREAM_BLOCKS, weights.blocks() - block);
                VectorScales.read(layout, weights.data(), start, block, count, part, STREAM, 0x1p-24f, s);
                long at = quants + (long) block * layout.blockBytes();
                addQuants(weights.data(), at + offset(part, strip), at + offset(part + LENGTH, strip),
                        at + offset(part + 2 * LENGTH, strip), at + offset(part + 3 * LENGTH, strip), SUMS + part,
                        count, x, from + block * BLOCK, s);
            }
        }
    }

    private static void addRows(PackedMatrix weights, long start, float[] x, int from, int stride, int rows,
            float[] s) {
        PackedLayout layout = weights.layout();
        long quants = start + layout.stripOffset(weights.cols(), 0);
        long strip = layout.stripBytes(weights.cols());
        for (int block = 0; block < weights.blocks(); block += FLOAT_BLOCKS) {
            int count = Math.min(FLOAT_BLOCKS, weights.blocks() - block);
            VectorScales.read(layout, weights.data(), start, block, count, 0, TILE_ROWS, 0x1p-24f, s);
            convert(weights.data(), quants + (long) block * layout.blockBytes(), strip, count, s);
            int column = from + block * BLOCK;
            int row = 0;
            for (; row + GROUP_ROWS <= rows; row += GROUP_ROWS) {
                for (int part = 0; part < TILE_ROWS; part += PART) {
                    add4(s, part, count, x, column + row * stride, stride, SUMS + row * TILE_ROWS);
                }
            }
            for (; row < rows; row++) {
                add1(s, count, x, column + row * stride, SUMS + row * TILE_ROWS);
            }
        }
    }

    /** Where in a tile's ints of four columns those of a row are. */
    private static long offset(int row, long strip) {
        return row / STRIP_ROWS * strip + 4L * (row % STRIP_ROWS);
    }

    /** The quants of one of the first three columns of ints, 2^24 times too large. */
    private static FloatVector quants(IntVector ints, int shift) {
        return toFloats(ints.lanewise(VectorOperators.LSHL, shift).and(TOP));
    }

    private static void convert(MemorySegment data, long at, long strip, int blocks, float[] s) {
        for (int part = 0; part < TILE_ROWS; part += PART) {
            long atA = at + offset(part, strip);
            long atB = at + offset(part + LENGTH, strip);
            for (int i = 0; i < blocks * (BLOCK / 4); i++) {
                IntVector a = ints(data, atA + STEP * i);
                IntVector b = ints(data, atB + STEP * i);
                int to = WEIGHTS + 4 * i * TILE_ROWS + part;
                quants(a, 24).intoArray(s, to);
                quants(b, 24).intoArray(s, to + LENGTH);
                quants(a, 16).intoArray(s, to + TILE_ROWS);
                quants(b, 16).intoArray(s, to + TILE_ROWS + LENGTH);
                quants(a, 8).intoArray(s, to + 2 * TILE_ROWS);
                quants(b, 8).intoArray(s, to + 2 * TILE_ROWS + LENGTH);
                toFloats(a.and(TOP)).intoArray(s, to + 3 * TILE_ROWS);
                toFloats(b.and(TOP)).intoArray(s, to + 3 * TILE_ROWS + LENGTH);
            }
        }
    }

    /** Adds the products of quants of four vectors of rows and a row of activations to its sums. */
    private static void addQuants(MemorySegment data, long atA, long atB, long atC, long atD, int to, int blocks,
            float[] x, int from, float[] s) {
        long i = 0;
        int column = from;
        for (int block = 0; block < blocks; block++) {
            FloatVector a = FloatVector.zero(FLOATS);
            FloatVector b = a;
            FloatVector c = a;
            FloatVector d = a;
            for (long end = i + STEP * (BLOCK / 4); i != end; i += STEP) {
                IntVector intsA = ints(data, atA + i);
                IntVector intsB = ints(data, atB + i);
                IntVector intsC = ints(data, atC + i);
                IntVector intsD = ints(data, atD + i);
                for (int j = 0; j < 4; j++) {
                    FloatVector value = FloatVector.broadcast(FLOATS, x[column + j]);
                    a = quants(intsA, 24 - 8 * j).fma(value, a);
                    b = quants(intsB, 24 - 8 * j).fma(value, b);
                    c = quants(intsC, 24 - 8 * j).fma(value, c);
                    d = quants(intsD, 24 - 8 * j).fma(value, d);
                }
                column += 4;
            }
            int scale = SCALES + block * HALVES * STREAM;
            a.fma(load(s, scale), load(s, to)).intoArray(s, to);
            b.fma(load(s, scale + LENGTH), load(s, to + LENGTH)).intoArray(s, to + LENGTH);
            c.fma(load(s, scale + 2 * LENGTH), load(s, to + 2 * LENGTH)).intoArray(s, to + 2 * LENGTH);
            d.fma(load(s, scale + 3 * LENGTH), load(s, to + 3 * LENGTH)).intoArray(s, to + 3 * LENGTH);
        }
    }

    /** Adds the products of converted quants and 4 rows of activations to its sums. */
    private static void add4(float[] s, int part, int blocks, float[] x, int from, int xStride, int to) {
        for (int block = 0; block < blocks; block++) {
            FloatVector a0 = FloatVector.zero(FLOATS);
            FloatVector a1 = a0;
            FloatVector a2 = a0;
            FloatVector a3 = a0;
            FloatVector b0 = a0;
            FloatVector b1 = a0;
            FloatVector b2 = a0;
            FloatVector b3 = a0;
            int weights = WEIGHTS + block * BLOCK * TILE_ROWS + part;
            int column = from + block * BLOCK;
            for (int k = 0; k < BLOCK; k++) {
                FloatVector a = load(s, weights + k * TILE_ROWS);
                FloatVector b = load(s, weights + k * TILE_ROWS + LENGTH);
                FloatVector x0 = FloatVector.broadcast(FLOATS, x[column + k]);
                a0 = a.fma(x0, a0);
                b0 = b.fma(x0, b0);
                FloatVector x1 = FloatVector.broadcast(FLOATS, x[column + xStride + k]);
                a1 = a.fma(x1, a1);
                b1 = b.fma(x1, b1);
                FloatVector x2 = FloatVector.broadcast(FLOATS, x[column + 2 * xStride + k]);
                a2 = a.fma(x2, a2);
                b2 = b.fma(x2, b2);
                FloatVector x3 = FloatVector.broadcast(FLOATS, x[column + 3 * xStride + k]);
                a3 = a.fma(x3, a3);
                b3 = b.fma(x3, b3);
            }
            FloatVector scale = load(s, SCALES + block * HALVES * TILE_ROWS + part);
            int sum = to + part;
            a0.fma(scale, load(s, sum)).intoArray(s, sum);
            a1.fma(scale, load(s, sum + TILE_ROWS)).intoArray(s, sum + TILE_ROWS);
            a2.fma(scale, load(s, sum + 2 * TILE_ROWS)).intoArray(s, sum + 2 * TILE_ROWS);
            a3.fma(scale, load(s, sum + 3 * TILE_ROWS)).intoArray(s, sum + 3 * TILE_ROWS);
            scale = load(s, SCALES + block * HALVES * TILE_ROWS + part + LENGTH);
            sum = to + part + LENGTH;
            b0.fma(scale, load(s, sum)).intoArray(s, sum);
            b1.fma(scale, load(s, sum + TILE_ROWS)).intoArray(s, sum + TILE_ROWS);
            b2.fma(scale, load(s, sum + 2 * TILE_ROWS)).intoArray(s, sum + 2 * TILE_ROWS);
            b3.fma(scale, load(s, sum + 3 * TILE_ROWS)).intoArray(s, sum + 3 * TILE_ROWS);
        }
    }

    /** Adds the products of converted quants and a row of activations to its sums. */
    private static void add1(float[] s, int blocks, float[] x, int from, int to) {
        for (int block = 0; block < blocks; block++) {
            for (int part = 0; part < TILE_ROWS; part += 2 * PART) {
                FloatVector a = FloatVector.zero(FLOATS);
                FloatVector b = a;
                FloatVector c = a;
                FloatVector d = a;
                for (int k = block * BLOCK; k < (block + 1) * BLOCK; k++) {
                    int weights = WEIGHTS + k * TILE_ROWS + part;
                    FloatVector value = FloatVector.broadcast(FLOATS, x[from + k]);
                    a = load(s, weights).fma(value, a);
                    b = load(s, weights + LENGTH).fma(value, b);
                    c = load(s, weights + 2 * LENGTH).fma(value, c);
                    d = load(s, weights + 3 * LENGTH).fma(value, d);
                }
                int scale = SCALES + block * HALVES * TILE_ROWS + part;
                int sum = to + part;
                a.fma(load(s, scale), load(s, sum)).intoArray(s, sum);
                b.fma(load(s, scale + LENGTH), load(s, sum + LENGTH)).intoArray(s, sum + LENGTH);
                c.fma(load(s, scale + 2 * LENGTH), load(s, sum + 2 * LENGTH)).intoArray(s, sum + 2 * LENGTH);
                d.fma(load(s, scale + 3 * LENGTH), load(s, sum + 3 * LENGTH)).intoArray(s, sum + 3 * LENGTH);
            }
        }
    }
}
