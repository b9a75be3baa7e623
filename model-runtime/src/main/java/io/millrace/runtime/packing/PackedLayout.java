package io.millrace.runtime.packing;

import io.millrace.runtime.weights.TensorType;

/**
 * Where the numbers of a packed matrix lie. A matrix is a sequence of tiles of {@link #TILE_ROWS} rows, the last one filled
 * up with zeros. A tile is cut into blocks of {@link #BLOCK} columns. First in it are the scales of all its blocks, in groups
 * of {@link #groupBlocks} blocks: a header and then {@value #SCALE_BYTES} bytes for each block. Then come the quants, in
 * {@link #STRIPS} strips of {@link #STRIP_ROWS} rows and all columns.
 *
 * <p>
 * Why strips: a product reads all four side by side, at four places that are far apart. Processors fetch ahead in memory for
 * each page that is read, so four places at once come in half again as fast as one.
 *
 * <ul>
 * <li>Quants of Q8_0: {@code [strip][column / 4][row]} ints, whose byte {@code j} is that of column {@code 4 i + j}.
 * <li>Quants that are {@link #nibbles}: {@code [strip][column / 8][row]} ints. Shifted right by {@code 4 j} and masked with
 * {@code 0x000f000f} an int holds those of columns {@code 8 i + 2 j} and {@code 8 i + 2 j + 1} in its halves.
 * <li>Quants of Q5_K and Q6_K: {@code [strip][column / 4][row]} ints. Shifted right by {@code 8 j} and masked with
 * {@code 0x00ff00ff} an int holds those of columns {@code 4 i + 2 j} and {@code 4 i + 2 j + 1} in its halves. Those of Q5_K are
 * 16 more than in the file, so that for both types 32 stands for 0.
 * <li>Wide scales, {@code d} and {@code dmin}: f16 of {@code 1024 * d}, so that those that are subnormal in the file are not
 * here, in pairs: int {@code i} of a {@code d} holds row {@code i + 16 * (i / 16)} low and the row 16 behind it high.
 * <li>Narrow scales and minima of the K types: one signed byte per row.
 * </ul>
 *
 * <table>
 * <caption>What the header and the scales of a block are</caption>
 * <tr><th>type</th><th>header</th><th>scales</th></tr>
 * <tr><td>Q8_0, Q4_0</td><td>none</td><td>d</td></tr>
 * <tr><td>Q4_K, Q5_K</td><td>d, dmin</td><td>a narrow scale, a narrow minimum</td></tr>
 * <tr><td>Q6_K</td><td>d</td><td>narrow scales of columns 0 to 15 and 16 to 31</td></tr>
 * </table>
 *
 * @param groupBlocks blocks that share a header
 * @param headerBytes bytes of a header
 * @param nibbles whether a quant has 4 bits, else 8
 * @param minima whether a block has a minimum beside its scale: Q4_K, Q5_K
 * @param scaled columns that share a scale: 32 or 16
 */
public record PackedLayout(TensorType type, int groupBlocks, int headerBytes, boolean nibbles, boolean minima,
        int scaled) {
    /** Raised whenever a number changes its place, so that files in another layout are not used. */
    public static final int VERSION = 4;
    /** Rows of a tile. */
    public static final int TILE_ROWS = 64;
    /** Rows of a strip. */
    public static final int STRIP_ROWS = 16;
    /** Strips of a tile. */
    public static final int STRIPS = TILE_ROWS / STRIP_ROWS;
    /** Columns of a block. */
    public static final int BLOCK = 32;
    /** Bytes of the scales of a block; also of {@code d} and of {@code dmin} in a header. */
    public static final int SCALE_BYTES = 128;
    /** What wide scales are multiplied by. */
    public static final float SCALE_FACTOR = 1024;

    /** Whether matrices of a type are packed; those of plain numbers are used as they are in the file. */
    public static boolean packs(TensorType type) {
        return switch (type) {
            case F32, F16, BF16 -> false;
            case Q8_0, Q4_0, Q4_K, Q5_K, Q6_K -> true;
        };
    }

    /**
     * The layout of a type.
     *
     * @throws IllegalArgumentException for a type that is not packed
     */
    public static PackedLayout of(TensorType type) {
        return switch (type) {
            case Q8_0 -> new PackedLayout(type, 1, 0, false, false, 32);
            case Q4_0 -> new PackedLayout(type, 1, 0, true, false, 32);
            case Q4_K -> new PackedLayout(type, 8, 2 * SCALE_BYTES, true, true, 32);
            case Q5_K -> new PackedLayout(type, 8, 2 * SCALE_BYTES, false, true, 32);
            case Q6_K -> new PackedLayout(type, 8, SCALE_BYTES, false, false, 16);
            case F32, F16, BF16 -> throw new IllegalArgumentException(type + " is not packed");
        };
    }

    /** Whether products are of whole numbers: all types but Q8_0, whose quants are too large for 16-bit sums. */
    public boolean integers() {
        return zero() != 0;
    }

    /** The quant of the file that stands for 0 where the minimum, if there is one, is left out; 0 of Q8_0. */
    public int zero() {
        return switch (type) {
            case Q4_0, Q4_K -> 8;
            case Q5_K -> 16;
            case Q6_K -> 32;
            case Q8_0, F32, F16, BF16 -> 0;
        };
    }

    /** The same of quants as they are packed, in types with {@link #integers}: all bytes have one. */
    public int storedZero() {
        return nibbles ? 8 : 32;
    }

    /** Columns whose quants share an int. */
    public int quantsPerInt() {
        return nibbles ? 8 : 4;
    }

    /** The bit of an int at which the quant of a column begins. */
    public int shift(int column) {
        int inInt = column % quantsPerInt();
        return !integers() ? 8 * inInt : inInt / 2 * (32 / quantsPerInt()) + inInt % 2 * 16;
    }

    /** Bytes of a tile of {@code cols} columns, a multiple of 64. */
    public long tileBytes(int cols) {
        return stripOffset(cols, STRIPS);
    }

    /** Bytes of a matrix. */
    public long bytes(int rows, int cols) {
        return tiles(rows) * tileBytes(cols);
    }

    /** Where in a tile the header of a block's group begins. */
    public long headerOffset(int block) {
        return (long) (block / groupBlocks) * groupScaleBytes();
    }

    /** Where in a tile a block's own scales begin. */
    public long scalesOffset(int block) {
        return headerOffset(block) + headerBytes + (long) (block % groupBlocks) * SCALE_BYTES;
    }

    /** Where in a tile of {@code cols} columns a strip begins. */
    public long stripOffset(int cols, int strip) {
        return (long) (cols / (groupBlocks * BLOCK)) * groupScaleBytes() + strip * stripBytes(cols);
    }

    /** Bytes of a strip: the distance of two. */
    public long stripBytes(int cols) {
        return (long) cols / BLOCK * blockBytes();
    }

    /** Bytes of a block's quants in a strip. */
    public int blockBytes() {
        return BLOCK * STRIP_ROWS / (nibbles ? 2 : 1);
    }

    private int groupScaleBytes() {
        return headerBytes + groupBlocks * SCALE_BYTES;
    }

    /** Tiles of a matrix of {@code rows} rows. */
    public static int tiles(int rows) {
        return (rows + TILE_ROWS - 1) / TILE_ROWS;
    }
}
