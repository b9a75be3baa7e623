package io.millrace.training.network;

import static io.millrace.training.network.Lanes.FLOATS;
import static io.millrace.training.network.Lanes.LENGTH;
import static io.millrace.training.network.Lanes.load;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Matrix products in f32: {@code C = A B} or {@code C += A B}. A lies in rows; B is packed in panels of columns,
 * {@code [panel][k][column]}, the last one filled up with zeros. A tile of C stays in registers while a block of k passes by;
 * the panel's part of that block stays in the first-level cache. Every value of C is one chain of fused multiply-adds in the
 * order of k, so it has the same bits however the product is divided. One thread computes; others may compute other parts of
 * C.
 *
 * <p>
 * The last tile of rows may read rows of A behind its end, whose results are dropped: arrays have {@link #slack} floats more
 * than their rows take. The tiles are written out because vectors that cross a call are boxed; A's index is a row's start and
 * k, with which the compiler compares bounds once before the loop.
 */
final class Gemm {
    /** Columns of a panel: four vectors of 512 bits, or two of 256, which come with half as many registers. */
    static final int WIDE_PANEL = Lanes.WIDE ? 64 : 16;
    /** Columns of a panel for products with few columns, such as a head's. */
    static final int NARROW_PANEL = Lanes.WIDE ? 32 : 16;
    /** Rows of a tile of wide panels. */
    static final int ROWS = 6;
    /** Rows of a tile of narrow panels. */
    static final int NARROW_ROWS = Lanes.WIDE ? 12 : 6;
    /** How much of k a tile takes at a time. */
    static final int DEPTH = 128;
    /** Floats of scratch for tiles at the edges. */
    static final int SCRATCH = ROWS * WIDE_PANEL;

    private Gemm() {}

    /** Floats that an operand of A needs behind its last row, of that stride. */
    static int slack(int stride) {
        return NARROW_ROWS * stride;
    }

    static int packedSize(int depth, int columns, int panel) {
        return (columns + panel - 1) / panel * panel * depth;
    }

    /** Packs one panel of {@code depth} rows, {@code [k][column]}. */
    static void pack(float[] source, int at, int stride, int depth, int columns, int panel, float[] target, int to) {
        if (columns == panel) {
            for (int k = 0; k < depth; k++) {
                for (int column = 0; column < panel; column += LENGTH) {
                    load(source, at + k * stride + column).intoArray(target, to + k * panel + column);
                }
            }
            return;
        }
        for (int k = 0; k < depth; k++) {
            System.arraycopy(source, at + k * stride, target, to + k * panel, columns);
            Arrays.fill(target, to + k * panel + columns, to + (k + 1) * panel, 0);
        }
    }

    /** Writes the columns of {@code source}, {@code [k][row]}, as rows of A, {@code [row][k]}. */
    static void transpose(float[] source, int at, int stride, int depth, int rows, float[] target, int targetStride) {
        for (int from = 0; from < depth; from += Lanes.COUNT) {
            int end = Math.min(depth, from + Lanes.COUNT);
            for (int row = 0; row < rows; row++) {
                int to = row * targetStride;
                for (int k = from, i = at + from * stride + row; k < end; k++, i += stride) {
                    target[to + k] = source[i];
                }
            }
        }
    }

    /** Packs one panel of a matrix whose columns are the rows of {@code source}, {@code [column][k]}. */
    static void packTransposed(float[] source, int at, int stride, int depth, int columns, int panel, float[] target,
            int to) {
        if (columns < panel) {
            Arrays.fill(target, to, to + depth * panel, 0);
        }
        for (int from = 0; from < depth; from += Lanes.COUNT) {
            int end = Math.min(depth, from + Lanes.COUNT);
            for (int column = 0; column < columns; column++) {
                int row = at + column * stride;
                for (int k = from; k < end; k++) {
                    target[to + k * panel + column] = source[row + k];
                }
            }
        }
    }

    /** Packs all panels of a matrix of {@code depth} rows. */
    static void packAll(float[] source, int at, int stride, int depth, int columns, int panel, float[] target) {
        for (int first = 0; first < columns; first += panel) {
            pack(source, at + first, stride, depth, Math.min(panel, columns - first), panel, target, first * depth);
        }
    }

    /** Packs all panels of a matrix whose columns are the rows of {@code source}. */
    static void packAllTransposed(float[] source, int at, int stride, int depth, int columns, int panel,
            float[] target) {
        for (int first = 0; first < columns; first += panel) {
            packTransposed(source, at + first * stride, stride, depth, Math.min(panel, columns - first), panel, target,
                    first * depth);
        }
    }

    /**
     * A product with wide panels.
     *
     * @param aStride how far apart the rows of A are
     * @param b packed
     * @param columns of B and C
     * @param depth columns of A, rows of B
     * @param add whether the product is added to C or replaces it
     * @param scratch {@link #SCRATCH} floats
     */
    static void multiply(float[] a, int aAt, int aStride, float[] b, float[] c, int cAt,
            int cStride, int rows, int columns, int depth, boolean add, float[] scratch) {
        if (!add) {
            fillZero(c, cAt, cStride, rows, columns);
        }
        int kBlocks = (depth + DEPTH - 1) / DEPTH;
        int kBlock = (depth + kBlocks - 1) / kBlocks;
        for (int column = 0; column < columns; column += WIDE_PANEL) {
            int width = Math.min(WIDE_PANEL, columns - column);
            for (int k = 0; k < depth; k += kBlock) {
                int count = Math.min(kBlock, depth - k);
                int bAt = column * depth + k * WIDE_PANEL;
                for (int row = 0; row < rows; row += ROWS) {
                    int height = Math.min(ROWS, rows - row);
                    int aFrom = aAt + row * aStride + k;
                    int cTile = cAt + row * cStride + column;
                    if (height == ROWS && width == WIDE_PANEL) {
                        wideTile(a, aFrom, aStride, b, bAt, count, c, cTile, cStride);
                    } else {
                        copy(c, cTile, cStride, scratch, 0, WIDE_PANEL, height, width);
                        wideTile(a, aFrom, aStride, b, bAt, count, scratch, 0, WIDE_PANEL);
                        copy(scratch, 0, WIDE_PANEL, c, cTile, cStride, height, width);
                    }
                }
            }
        }
    }

    /**
     * A product with narrow panels; otherwise as {@link #multiply}. Its k is not divided.
     *
     * @param bDepth rows that B was packed with, of which the first {@code depth} are used
     */
    static void multiplyNarrow(float[] a, int aAt, int aStride, float[] b, int bDepth, float[] c, int cAt,
            int cStride, int rows, int columns, int depth, boolean add, float[] scratch) {
        if (!add) {
            fillZero(c, cAt, cStride, rows, columns);
        }
        for (int column = 0; column < columns; column += NARROW_PANEL) {
            int width = Math.min(NARROW_PANEL, columns - column);
            for (int row = 0; row < rows; row += NARROW_ROWS) {
                int height = Math.min(NARROW_ROWS, rows - row);
                int aTile = aAt + row * aStride;
                int cTile = cAt + row * cStride + column;
                if (height == NARROW_ROWS && width == NARROW_PANEL) {
                    narrowTile(a, aTile, aStride, b, column * bDepth, depth, c, cTile, cStride);
                } else {
                    copy(c, cTile, cStride, scratch, 0, NARROW_PANEL, height, width);
                    narrowTile(a, aTile, aStride, b, column * bDepth, depth, scratch, 0, NARROW_PANEL);
                    copy(scratch, 0, NARROW_PANEL, c, cTile, cStride, height, width);
                }
            }
        }
    }

    private static void fillZero(float[] c, int at, int stride, int rows, int columns) {
        for (int row = 0; row < rows; row++) {
            Arrays.fill(c, at + row * stride, at + row * stride + columns, 0);
        }
    }

    private static void copy(float[] from, int at, int stride, float[] to, int toAt, int toStride, int rows,
            int columns) {
        for (int row = 0; row < rows; row++) {
            System.arraycopy(from, at + row * stride, to, toAt + row * toStride, columns);
        }
    }

    private static void wideTile(float[] a, int aAt, int aStride, float[] b, int bAt, int depth, float[] c,
            int cAt, int cStride) {
        if (Lanes.WIDE) {
            tile6x4(a, aAt, aStride, b, bAt, depth, c, cAt, cStride);
        } else {
            tile6x2(a, aAt, aStride, b, bAt, depth, c, cAt, cStride);
        }
    }

    private static void narrowTile(float[] a, int aAt, int aStride, float[] b, int bAt, int depth, float[] c,
            int cAt, int cStride) {
        if (Lanes.WIDE) {
            tile12x2(a, aAt, aStride, b, bAt, depth, c, cAt, cStride);
        } else {
            tile6x2(a, aAt, aStride, b, bAt, depth, c, cAt, cStride);
        }
    }

    /** Adds to 6 rows of 2 vectors of C: 12 sums, 2 vectors of B and a value of A fill 16 registers. */
    private static void tile6x2(float[] a, int aAt, int aStride, float[] b, int bAt, int depth, float[] c,
            int cAt, int cStride) {
        int c0 = cAt;
        int c1 = cAt + cStride;
        int c2 = cAt + 2 * cStride;
        int c3 = cAt + 3 * cStride;
        int c4 = cAt + 4 * cStride;
        int c5 = cAt + 5 * cStride;
        FloatVector s00 = load(c, c0);
        FloatVector s01 = load(c, c0 + LENGTH);
        FloatVector s10 = load(c, c1);
        FloatVector s11 = load(c, c1 + LENGTH);
        FloatVector s20 = load(c, c2);
        FloatVector s21 = load(c, c2 + LENGTH);
        FloatVector s30 = load(c, c3);
        FloatVector s31 = load(c, c3 + LENGTH);
        FloatVector s40 = load(c, c4);
        FloatVector s41 = load(c, c4 + LENGTH);
        FloatVector s50 = load(c, c5);
        FloatVector s51 = load(c, c5 + LENGTH);
        int a0 = aAt;
        int a1 = aAt + aStride;
        int a2 = aAt + 2 * aStride;
        int a3 = aAt + 3 * aStride;
        int a4 = aAt + 4 * aStride;
        int a5 = aAt + 5 * aStride;
        for (int k = 0, bk = bAt; k < depth; k++, bk += NARROW_PANEL) {
            FloatVector b0 = load(b, bk);
            FloatVector b1 = load(b, bk + LENGTH);
            FloatVector x0 = FloatVector.broadcast(FLOATS, a[a0 + k]);
            s00 = b0.fma(x0, s00);
            s01 = b1.fma(x0, s01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a[a1 + k]);
            s10 = b0.fma(x1, s10);
            s11 = b1.fma(x1, s11);
            FloatVector x2 = FloatVector.broadcast(FLOATS, a[a2 + k]);
            s20 = b0.fma(x2, s20);
            s21 = b1.fma(x2, s21);
            FloatVector x3 = FloatVector.broadcast(FLOATS, a[a3 + k]);
            s30 = b0.fma(x3, s30);
            s31 = b1.fma(x3, s31);
            FloatVector x4 = FloatVector.broadcast(FLOATS, a[a4 + k]);
            s40 = b0.fma(x4, s40);
            s41 = b1.fma(x4, s41);
            FloatVector x5 = FloatVector.broadcast(FLOATS, a[a5 + k]);
            s50 = b0.fma(x5, s50);
            s51 = b1.fma(x5, s51);
        }
        s00.intoArray(c, c0);
        s01.intoArray(c, c0 + LENGTH);
        s10.intoArray(c, c1);
        s11.intoArray(c, c1 + LENGTH);
        s20.intoArray(c, c2);
        s21.intoArray(c, c2 + LENGTH);
        s30.intoArray(c, c3);
        s31.intoArray(c, c3 + LENGTH);
        s40.intoArray(c, c4);
        s41.intoArray(c, c4 + LENGTH);
        s50.intoArray(c, c5);
        s51.intoArray(c, c5 + LENGTH);
    }

    /** Adds to 6 rows of 4 vectors of C: 24 sums, 4 vectors of B and a value of A fill 32 registers. */
    private static void tile6x4(float[] a, int aAt, int aStride, float[] b, int bAt, int depth, float[] c,
            int cAt,
            int cStride) {
        int a0 = aAt;
        int a1 = aAt + aStride;
        int a2 = aAt + 2 * aStride;
        int a3 = aAt + 3 * aStride;
        int a4 = aAt + 4 * aStride;
        int a5 = aAt + 5 * aStride;
        int c0 = cAt;
        int c1 = cAt + cStride;
        int c2 = cAt + 2 * cStride;
        int c3 = cAt + 3 * cStride;
        int c4 = cAt + 4 * cStride;
        int c5 = cAt + 5 * cStride;
        FloatVector s00 = load(c, c0);
        FloatVector s01 = load(c, c0 + LENGTH);
        FloatVector s02 = load(c, c0 + 2 * LENGTH);
        FloatVector s03 = load(c, c0 + 3 * LENGTH);
        FloatVector s10 = load(c, c1);
        FloatVector s11 = load(c, c1 + LENGTH);
        FloatVector s12 = load(c, c1 + 2 * LENGTH);
        FloatVector s13 = load(c, c1 + 3 * LENGTH);
        FloatVector s20 = load(c, c2);
        FloatVector s21 = load(c, c2 + LENGTH);
        FloatVector s22 = load(c, c2 + 2 * LENGTH);
        FloatVector s23 = load(c, c2 + 3 * LENGTH);
        FloatVector s30 = load(c, c3);
        FloatVector s31 = load(c, c3 + LENGTH);
        FloatVector s32 = load(c, c3 + 2 * LENGTH);
        FloatVector s33 = load(c, c3 + 3 * LENGTH);
        FloatVector s40 = load(c, c4);
        FloatVector s41 = load(c, c4 + LENGTH);
        FloatVector s42 = load(c, c4 + 2 * LENGTH);
        FloatVector s43 = load(c, c4 + 3 * LENGTH);
        FloatVector s50 = load(c, c5);
        FloatVector s51 = load(c, c5 + LENGTH);
        FloatVector s52 = load(c, c5 + 2 * LENGTH);
        FloatVector s53 = load(c, c5 + 3 * LENGTH);
        for (int k = 0, bk = bAt; k < depth; k++, bk += WIDE_PANEL) {
            FloatVector b0 = load(b, bk);
            FloatVector b1 = load(b, bk + LENGTH);
            FloatVector b2 = load(b, bk + 2 * LENGTH);
            FloatVector b3 = load(b, bk + 3 * LENGTH);
            FloatVector x0 = FloatVector.broadcast(FLOATS, a[a0 + k]);
            s00 = b0.fma(x0, s00);
            s01 = b1.fma(x0, s01);
            s02 = b2.fma(x0, s02);
            s03 = b3.fma(x0, s03);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a[a1 + k]);
            s10 = b0.fma(x1, s10);
            s11 = b1.fma(x1, s11);
            s12 = b2.fma(x1, s12);
            s13 = b3.fma(x1, s13);
            FloatVector x2 = FloatVector.broadcast(FLOATS, a[a2 + k]);
            s20 = b0.fma(x2, s20);
            s21 = b1.fma(x2, s21);
            s22 = b2.fma(x2, s22);
            s23 = b3.fma(x2, s23);
            FloatVector x3 = FloatVector.broadcast(FLOATS, a[a3 + k]);
            s30 = b0.fma(x3, s30);
            s31 = b1.fma(x3, s31);
            s32 = b2.fma(x3, s32);
            s33 = b3.fma(x3, s33);
            FloatVector x4 = FloatVector.broadcast(FLOATS, a[a4 + k]);
            s40 = b0.fma(x4, s40);
            s41 = b1.fma(x4, s41);
            s42 = b2.fma(x4, s42);
            s43 = b3.fma(x4, s43);
            FloatVector x5 = FloatVector.broadcast(FLOATS, a[a5 + k]);
            s50 = b0.fma(x5, s50);
            s51 = b1.fma(x5, s51);
            s52 = b2.fma(x5, s52);
            s53 = b3.fma(x5, s53);
        }
        s00.intoArray(c, c0);
        s01.intoArray(c, c0 + LENGTH);
        s02.intoArray(c, c0 + 2 * LENGTH);
        s03.intoArray(c, c0 + 3 * LENGTH);
        s10.intoArray(c, c1);
        s11.intoArray(c, c1 + LENGTH);
        s12.intoArray(c, c1 + 2 * LENGTH);
        s13.intoArray(c, c1 + 3 * LENGTH);
        s20.intoArray(c, c2);
        s21.intoArray(c, c2 + LENGTH);
        s22.intoArray(c, c2 + 2 * LENGTH);
        s23.intoArray(c, c2 + 3 * LENGTH);
        s30.intoArray(c, c3);
        s31.intoArray(c, c3 + LENGTH);
        s32.intoArray(c, c3 + 2 * LENGTH);
        s33.intoArray(c, c3 + 3 * LENGTH);
        s40.intoArray(c, c4);
        s41.intoArray(c, c4 + LENGTH);
        s42.intoArray(c, c4 + 2 * LENGTH);
        s43.intoArray(c, c4 + 3 * LENGTH);
        s50.intoArray(c, c5);
        s51.intoArray(c, c5 + LENGTH);
        s52.intoArray(c, c5 + 2 * LENGTH);
        s53.intoArray(c, c5 + 3 * LENGTH);
    }

    /** Adds to 12 rows of 2 vectors of C, of 32 registers. */
    private static void tile12x2(float[] a, int aAt, int aStride, float[] b, int bAt, int depth, float[] c,
            int cAt,
            int cStride) {
        int a0 = aAt;
        int a1 = aAt + aStride;
        int a2 = aAt + 2 * aStride;
        int a3 = aAt + 3 * aStride;
        int a4 = aAt + 4 * aStride;
        int a5 = aAt + 5 * aStride;
        int a6 = aAt + 6 * aStride;
        int a7 = aAt + 7 * aStride;
        int a8 = aAt + 8 * aStride;
        int a9 = aAt + 9 * aStride;
        int a10 = aAt + 10 * aStride;
        int a11 = aAt + 11 * aStride;
        int c0 = cAt;
        int c1 = cAt + cStride;
        int c2 = cAt + 2 * cStride;
        int c3 = cAt + 3 * cStride;
        int c4 = cAt + 4 * cStride;
        int c5 = cAt + 5 * cStride;
        int c6 = cAt + 6 * cStride;
        int c7 = cAt + 7 * cStride;
        int c8 = cAt + 8 * cStride;
        int c9 = cAt + 9 * cStride;
        int c10 = cAt + 10 * cStride;
        int c11 = cAt + 11 * cStride;
        FloatVector s0x0 = load(c, c0);
        FloatVector s0x1 = load(c, c0 + LENGTH);
        FloatVector s1x0 = load(c, c1);
        FloatVector s1x1 = load(c, c1 + LENGTH);
        FloatVector s2x0 = load(c, c2);
        FloatVector s2x1 = load(c, c2 + LENGTH);
        FloatVector s3x0 = load(c, c3);
        FloatVector s3x1 = load(c, c3 + LENGTH);
        FloatVector s4x0 = load(c, c4);
        FloatVector s4x1 = load(c, c4 + LENGTH);
        FloatVector s5x0 = load(c, c5);
        FloatVector s5x1 = load(c, c5 + LENGTH);
        FloatVector s6x0 = load(c, c6);
        FloatVector s6x1 = load(c, c6 + LENGTH);
        FloatVector s7x0 = load(c, c7);
        FloatVector s7x1 = load(c, c7 + LENGTH);
        FloatVector s8x0 = load(c, c8);
        FloatVector s8x1 = load(c, c8 + LENGTH);
        FloatVector s9x0 = load(c, c9);
        FloatVector s9x1 = load(c, c9 + LENGTH);
        FloatVector s10x0 = load(c, c10);
        FloatVector s10x1 = load(c, c10 + LENGTH);
        FloatVector s11x0 = load(c, c11);
        FloatVector s11x1 = load(c, c11 + LENGTH);
        for (int k = 0, bk = bAt; k < depth; k++, bk += NARROW_PANEL) {
            FloatVector b0 = load(b, bk);
            FloatVector b1 = load(b, bk + LENGTH);
            FloatVector x0 = FloatVector.broadcast(FLOATS, a[a0 + k]);
            s0x0 = b0.fma(x0, s0x0);
            s0x1 = b1.fma(x0, s0x1);
            FloatVector x1 = FloatVector.broadcast(FLOATS, a[a1 + k]);
            s1x0 = b0.fma(x1, s1x0);
            s1x1 = b1.fma(x1, s1x1);
            FloatVector x2 = FloatVector.broadcast(FLOATS, a[a2 + k]);
            s2x0 = b0.fma(x2, s2x0);
            s2x1 = b1.fma(x2, s2x1);
            FloatVector x3 = FloatVector.broadcast(FLOATS, a[a3 + k]);
            s3x0 = b0.fma(x3, s3x0);
            s3x1 = b1.fma(x3, s3x1);
            FloatVector x4 = FloatVector.broadcast(FLOATS, a[a4 + k]);
            s4x0 = b0.fma(x4, s4x0);
            s4x1 = b1.fma(x4, s4x1);
            FloatVector x5 = FloatVector.broadcast(FLOATS, a[a5 + k]);
            s5x0 = b0.fma(x5, s5x0);
            s5x1 = b1.fma(x5, s5x1);
            FloatVector x6 = FloatVector.broadcast(FLOATS, a[a6 + k]);
            s6x0 = b0.fma(x6, s6x0);
            s6x1 = b1.fma(x6, s6x1);
            FloatVector x7 = FloatVector.broadcast(FLOATS, a[a7 + k]);
            s7x0 = b0.fma(x7, s7x0);
            s7x1 = b1.fma(x7, s7x1);
            FloatVector x8 = FloatVector.broadcast(FLOATS, a[a8 + k]);
            s8x0 = b0.fma(x8, s8x0);
            s8x1 = b1.fma(x8, s8x1);
            FloatVector x9 = FloatVector.broadcast(FLOATS, a[a9 + k]);
            s9x0 = b0.fma(x9, s9x0);
            s9x1 = b1.fma(x9, s9x1);
            FloatVector x10 = FloatVector.broadcast(FLOATS, a[a10 + k]);
            s10x0 = b0.fma(x10, s10x0);
            s10x1 = b1.fma(x10, s10x1);
            FloatVector x11 = FloatVector.broadcast(FLOATS, a[a11 + k]);
            s11x0 = b0.fma(x11, s11x0);
            s11x1 = b1.fma(x11, s11x1);
        }
        s0x0.intoArray(c, c0);
        s0x1.intoArray(c, c0 + LENGTH);
        s1x0.intoArray(c, c1);
        s1x1.intoArray(c, c1 + LENGTH);
        s2x0.intoArray(c, c2);
        s2x1.intoArray(c, c2 + LENGTH);
        s3x0.intoArray(c, c3);
        s3x1.intoArray(c, c3 + LENGTH);
        s4x0.intoArray(c, c4);
        s4x1.intoArray(c, c4 + LENGTH);
        s5x0.intoArray(c, c5);
        s5x1.intoArray(c, c5 + LENGTH);
        s6x0.intoArray(c, c6);
        s6x1.intoArray(c, c6 + LENGTH);
        s7x0.intoArray(c, c7);
        s7x1.intoArray(c, c7 + LENGTH);
        s8x0.intoArray(c, c8);
        s8x1.intoArray(c, c8 + LENGTH);
        s9x0.intoArray(c, c9);
        s9x1.intoArray(c, c9 + LENGTH);
        s10x0.intoArray(c, c10);
        s10x1.intoArray(c, c10 + LENGTH);
        s11x0.intoArray(c, c11);
        s11x1.intoArray(c, c11 + LENGTH);
    }
}
