package io.millrace.training.network;

import static io.millrace.training.network.Lanes.FLOATS;
import static io.millrace.training.network.Lanes.LENGTH;
import static io.millrace.training.network.Lanes.load;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Matrix products in f32: {@code C = A B} or {@code C += A B}. A is read where it lies, by rows or by columns; B is packed in
 * panels of columns, {@code [panel][k][column]}, the last one filled up with zeros. A tile of C stays in registers while a
 * block of k passes by; the panel's part of that block stays in the first-level cache. Every value of C is one chain of fused
 * multiply-adds in the order of k, so it has the same bits however the product is divided. One thread computes; others may
 * compute other parts of C.
 *
 * <p>
 * The last tile of rows may read rows (or, transposed, columns) of A behind its end, whose results are dropped: arrays have
 * {@link #slack} floats more than their rows take. The tiles are written out because vectors that cross a call are boxed.
 */
final class Gemm {
    /** Columns of a panel. */
    static final int WIDE_PANEL = 64;
    /** Columns of a panel for products with few columns, such as a head's. */
    static final int NARROW_PANEL = 32;
    /** Rows of a tile of wide panels. */
    static final int ROWS = 6;
    /** Rows of a tile of narrow panels. */
    static final int NARROW_ROWS = 12;
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
        for (int k = 0; k < depth; k++) {
            System.arraycopy(source, at + k * stride, target, to + k * panel, columns);
            if (columns < panel) {
                Arrays.fill(target, to + k * panel + columns, to + (k + 1) * panel, 0);
            }
        }
    }

    /**
     * Packs A for tiles, {@code [tile][k][}{@link #ROWS}{@code ]}: its rows are the columns of {@code source},
     * {@code [k][row]}.
     */
    static void packTiles(float[] source, int at, int stride, int depth, int rows, float[] target) {
        for (int k = 0; k < depth; k++) {
            int from = at + k * stride;
            int to = k * ROWS;
            for (int row = 0; row < rows; row += ROWS, from += ROWS, to += depth * ROWS) {
                for (int i = 0; i < ROWS; i++) {
                    target[to + i] = source[from + i];
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
     * @param aRow how far apart the rows of A are
     * @param aCol how far apart its columns are
     * @param aTile how far apart its tiles of {@link #ROWS} rows are
     * @param b packed
     * @param columns of B and C
     * @param depth columns of A, rows of B
     * @param add whether the product is added to C or replaces it
     * @param scratch {@link #SCRATCH} floats
     */
    static void multiply(float[] a, int aAt, int aRow, int aCol, int aTile, float[] b, float[] c, int cAt,
            int cStride, int rows, int columns, int depth, boolean add, float[] scratch) {
        int kBlocks = (depth + DEPTH - 1) / DEPTH;
        int kBlock = (depth + kBlocks - 1) / kBlocks;
        for (int column = 0; column < columns; column += WIDE_PANEL) {
            int width = Math.min(WIDE_PANEL, columns - column);
            for (int k = 0; k < depth; k += kBlock) {
                int count = Math.min(kBlock, depth - k);
                int bAt = column * depth + k * WIDE_PANEL;
                boolean zero = k == 0 && !add;
                for (int row = 0; row < rows; row += ROWS) {
                    int height = Math.min(ROWS, rows - row);
                    int aFrom = aAt + row / ROWS * aTile + k * aCol;
                    int cTile = cAt + row * cStride + column;
                    if (zero) {
                        fillZero(c, cTile, cStride, height, width);
                    }
                    if (height == ROWS && width == WIDE_PANEL) {
                        tile6x4(a, aFrom, aRow, aCol, b, bAt, count, c, cTile, cStride);
                    } else {
                        copy(c, cTile, cStride, scratch, 0, WIDE_PANEL, height, width);
                        tile6x4(a, aFrom, aRow, aCol, b, bAt, count, scratch, 0, WIDE_PANEL);
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
    static void multiplyNarrow(float[] a, int aAt, int aRow, int aCol, float[] b, int bDepth, float[] c, int cAt,
            int cStride, int rows, int columns, int depth, boolean add, float[] scratch) {
        for (int column = 0; column < columns; column += NARROW_PANEL) {
            int width = Math.min(NARROW_PANEL, columns - column);
            for (int row = 0; row < rows; row += NARROW_ROWS) {
                int height = Math.min(NARROW_ROWS, rows - row);
                int aTile = aAt + row * aRow;
                int cTile = cAt + row * cStride + column;
                if (!add) {
                    fillZero(c, cTile, cStride, height, width);
                }
                if (height == NARROW_ROWS && width == NARROW_PANEL) {
                    tile12x2(a, aTile, aRow, aCol, b, column * bDepth, depth, c, cTile, cStride);
                } else {
                    copy(c, cTile, cStride, scratch, 0, NARROW_PANEL, height, width);
                    tile12x2(a, aTile, aRow, aCol, b, column * bDepth, depth, scratch, 0, NARROW_PANEL);
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

    /** Adds to 6 rows of 4 wide vectors of C: 24 sums, 4 vectors of B and a value of A fill 32 registers. */
    private static void tile6x4(float[] a, int aAt, int aRow, int aCol, float[] b, int bAt, int depth, float[] c,
            int cAt,
            int cStride) {
        for (int part = 0; part < 64; part += 4 * LENGTH) {
            int a0 = aAt;
            int a1 = aAt + aRow;
            int a2 = aAt + 2 * aRow;
            int a3 = aAt + 3 * aRow;
            int a4 = aAt + 4 * aRow;
            int a5 = aAt + 5 * aRow;
            int c0 = cAt + part;
            int c1 = cAt + part + cStride;
            int c2 = cAt + part + 2 * cStride;
            int c3 = cAt + part + 3 * cStride;
            int c4 = cAt + part + 4 * cStride;
            int c5 = cAt + part + 5 * cStride;
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
            int bk = bAt + part;
            for (int k = 0, ak = 0; k < depth; k++, ak += aCol, bk += 64) {
                FloatVector b0 = load(b, bk);
                FloatVector b1 = load(b, bk + LENGTH);
                FloatVector b2 = load(b, bk + 2 * LENGTH);
                FloatVector b3 = load(b, bk + 3 * LENGTH);
                FloatVector x0 = FloatVector.broadcast(FLOATS, a[a0 + ak]);
                s00 = b0.fma(x0, s00);
                s01 = b1.fma(x0, s01);
                s02 = b2.fma(x0, s02);
                s03 = b3.fma(x0, s03);
                FloatVector x1 = FloatVector.broadcast(FLOATS, a[a1 + ak]);
                s10 = b0.fma(x1, s10);
                s11 = b1.fma(x1, s11);
                s12 = b2.fma(x1, s12);
                s13 = b3.fma(x1, s13);
                FloatVector x2 = FloatVector.broadcast(FLOATS, a[a2 + ak]);
                s20 = b0.fma(x2, s20);
                s21 = b1.fma(x2, s21);
                s22 = b2.fma(x2, s22);
                s23 = b3.fma(x2, s23);
                FloatVector x3 = FloatVector.broadcast(FLOATS, a[a3 + ak]);
                s30 = b0.fma(x3, s30);
                s31 = b1.fma(x3, s31);
                s32 = b2.fma(x3, s32);
                s33 = b3.fma(x3, s33);
                FloatVector x4 = FloatVector.broadcast(FLOATS, a[a4 + ak]);
                s40 = b0.fma(x4, s40);
                s41 = b1.fma(x4, s41);
                s42 = b2.fma(x4, s42);
                s43 = b3.fma(x4, s43);
                FloatVector x5 = FloatVector.broadcast(FLOATS, a[a5 + ak]);
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
    }

    /** Adds to 12 rows of 2 wide vectors of C. */
    private static void tile12x2(float[] a, int aAt, int aRow, int aCol, float[] b, int bAt, int depth, float[] c,
            int cAt,
            int cStride) {
        for (int part = 0; part < 32; part += 2 * LENGTH) {
            int a0 = aAt;
            int a1 = aAt + aRow;
            int a2 = aAt + 2 * aRow;
            int a3 = aAt + 3 * aRow;
            int a4 = aAt + 4 * aRow;
            int a5 = aAt + 5 * aRow;
            int a6 = aAt + 6 * aRow;
            int a7 = aAt + 7 * aRow;
            int a8 = aAt + 8 * aRow;
            int a9 = aAt + 9 * aRow;
            int a10 = aAt + 10 * aRow;
            int a11 = aAt + 11 * aRow;
            int c0 = cAt + part;
            int c1 = cAt + part + cStride;
            int c2 = cAt + part + 2 * cStride;
            int c3 = cAt + part + 3 * cStride;
            int c4 = cAt + part + 4 * cStride;
            int c5 = cAt + part + 5 * cStride;
            int c6 = cAt + part + 6 * cStride;
            int c7 = cAt + part + 7 * cStride;
            int c8 = cAt + part + 8 * cStride;
            int c9 = cAt + part + 9 * cStride;
            int c10 = cAt + part + 10 * cStride;
            int c11 = cAt + part + 11 * cStride;
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
            int bk = bAt + part;
            for (int k = 0, ak = 0; k < depth; k++, ak += aCol, bk += 32) {
                FloatVector b0 = load(b, bk);
                FloatVector b1 = load(b, bk + LENGTH);
                FloatVector x0 = FloatVector.broadcast(FLOATS, a[a0 + ak]);
                s0x0 = b0.fma(x0, s0x0);
                s0x1 = b1.fma(x0, s0x1);
                FloatVector x1 = FloatVector.broadcast(FLOATS, a[a1 + ak]);
                s1x0 = b0.fma(x1, s1x0);
                s1x1 = b1.fma(x1, s1x1);
                FloatVector x2 = FloatVector.broadcast(FLOATS, a[a2 + ak]);
                s2x0 = b0.fma(x2, s2x0);
                s2x1 = b1.fma(x2, s2x1);
                FloatVector x3 = FloatVector.broadcast(FLOATS, a[a3 + ak]);
                s3x0 = b0.fma(x3, s3x0);
                s3x1 = b1.fma(x3, s3x1);
                FloatVector x4 = FloatVector.broadcast(FLOATS, a[a4 + ak]);
                s4x0 = b0.fma(x4, s4x0);
                s4x1 = b1.fma(x4, s4x1);
                FloatVector x5 = FloatVector.broadcast(FLOATS, a[a5 + ak]);
                s5x0 = b0.fma(x5, s5x0);
                s5x1 = b1.fma(x5, s5x1);
                FloatVector x6 = FloatVector.broadcast(FLOATS, a[a6 + ak]);
                s6x0 = b0.fma(x6, s6x0);
                s6x1 = b1.fma(x6, s6x1);
                FloatVector x7 = FloatVector.broadcast(FLOATS, a[a7 + ak]);
                s7x0 = b0.fma(x7, s7x0);
                s7x1 = b1.fma(x7, s7x1);
                FloatVector x8 = FloatVector.broadcast(FLOATS, a[a8 + ak]);
                s8x0 = b0.fma(x8, s8x0);
                s8x1 = b1.fma(x8, s8x1);
                FloatVector x9 = FloatVector.broadcast(FLOATS, a[a9 + ak]);
                s9x0 = b0.fma(x9, s9x0);
                s9x1 = b1.fma(x9, s9x1);
                FloatVector x10 = FloatVector.broadcast(FLOATS, a[a10 + ak]);
                s10x0 = b0.fma(x10, s10x0);
                s10x1 = b1.fma(x10, s10x1);
                FloatVector x11 = FloatVector.broadcast(FLOATS, a[a11 + ak]);
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
}
