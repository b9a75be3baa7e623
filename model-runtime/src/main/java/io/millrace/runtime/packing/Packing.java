package io.millrace.runtime.packing;

import static io.millrace.runtime.packing.PackedLayout.BLOCK;
import static io.millrace.runtime.packing.PackedLayout.SCALE_BYTES;
import static io.millrace.runtime.packing.PackedLayout.SCALE_FACTOR;
import static io.millrace.runtime.packing.PackedLayout.STRIPS;
import static io.millrace.runtime.packing.PackedLayout.STRIP_ROWS;
import static io.millrace.runtime.packing.PackedLayout.TILE_ROWS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.millrace.runtime.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Packs one tile of a matrix: from the file layout of ggml ({@code ggml-common.h}) to {@link PackedLayout}. */
public final class Packing {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /** Larger scales would not fit; no weights of a sound model are near. */
    private static final float SCALE_LIMIT = 32;

    private final Tensor source;
    private final PackedLayout layout;
    private final int firstRow;
    private final int rows;
    private final MemorySegment target;
    /** One block: quants {@code [column][row]}, and what its scales are. */
    private final byte[] quants = new byte[BLOCK * TILE_ROWS];
    private final short[] wide = new short[TILE_ROWS];
    private final short[] wideMinima = new short[TILE_ROWS];
    private final byte[] narrow = new byte[2 * TILE_ROWS];

    private Packing(Tensor source, int tile, MemorySegment target) {
        this.source = source;
        this.layout = PackedLayout.of(source.type());
        this.firstRow = tile * TILE_ROWS;
        this.rows = Math.min(TILE_ROWS, source.rows() - firstRow);
        this.target = target;
    }

    /**
     * Packs rows {@code 64 * tile .. 64 * tile + 63}. Any thread; tiles are independent.
     *
     * @param target {@link PackedLayout#tileBytes} bytes, all of which are written
     * @throws IllegalArgumentException when a scale is not a finite number below 32: the file is damaged
     */
    public static void pack(Tensor source, int tile, MemorySegment target) {
        new Packing(source, tile, target).pack();
    }

    private void pack() {
        int blocks = source.cols() / BLOCK;
        for (int block = 0; block < blocks; block++) {
            for (int row = 0; row < rows; row++) {
                long at = source.rowOffset(firstRow + row) + (long) (block / layout.groupBlocks()) * fileBlockBytes();
                read(row, at, block);
            }
            if (layout.headerBytes() > 0 && block % layout.groupBlocks() == 0) {
                long header = layout.headerOffset(block);
                writeWide(wide, header);
                if (layout.headerBytes() > SCALE_BYTES) {
                    writeWide(wideMinima, header + SCALE_BYTES);
                }
            }
            long at = layout.scalesOffset(block);
            if (layout.headerBytes() > 0) {
                MemorySegment.copy(narrow, 0, target, JAVA_BYTE, at, narrow.length);
            } else {
                writeWide(wide, at);
            }
            for (int strip = 0; strip < STRIPS; strip++) {
                writeQuants(strip, layout.stripOffset(source.cols(), strip) + (long) block * layout.blockBytes());
            }
        }
    }

    private int fileBlockBytes() {
        return source.type().blockBytes();
    }

    private void read(int row, long at, int block) {
        int group = block % layout.groupBlocks();
        switch (source.type()) {
            case Q8_0 -> q80(row, at, block);
            case Q4_0 -> q40(row, at, block);
            case Q4_K -> q4k(row, at, block, group);
            case Q5_K -> q5k(row, at, block, group);
            case Q6_K -> q6k(row, at, block, group);
            case F32, F16, BF16 -> throw new IllegalStateException(source.type() + " is not packed");
        }
    }

    /** f16 d, 32 x int8. */
    private void q80(int row, long at, int block) {
        wide[row] = scale(row, block, at);
        MemorySegment data = source.data();
        for (int k = 0; k < BLOCK; k++) {
            quants[k * TILE_ROWS + row] = data.get(JAVA_BYTE, at + 2 + k);
        }
    }

    /** f16 d, 16 bytes: column k low, column k + 16 high. */
    private void q40(int row, long at, int block) {
        wide[row] = scale(row, block, at);
        MemorySegment data = source.data();
        for (int k = 0; k < 16; k++) {
            byte pair = data.get(JAVA_BYTE, at + 2 + k);
            quants[k * TILE_ROWS + row] = (byte) (pair & 15);
            quants[(k + 16) * TILE_ROWS + row] = (byte) (pair >> 4 & 15);
        }
    }

    /** f16 d, f16 dmin, 12 bytes of 6-bit scales and minima, 4 x 32 bytes: a block low, the next one high. */
    private void q4k(int row, long at, int block, int group) {
        scalesOfK(row, at, block, group);
        MemorySegment data = source.data();
        long from = at + 16 + group / 2 * 32L;
        int shift = group % 2 * 4;
        for (int k = 0; k < BLOCK; k++) {
            quants[k * TILE_ROWS + row] = (byte) (data.get(JAVA_BYTE, from + k) >> shift & 15);
        }
    }

    /** As Q4_K, with 32 bytes of fifth bits, a bit per block, before the nibbles. */
    private void q5k(int row, long at, int block, int group) {
        scalesOfK(row, at, block, group);
        MemorySegment data = source.data();
        long from = at + 48 + group / 2 * 32L;
        int shift = group % 2 * 4;
        for (int k = 0; k < BLOCK; k++) {
            int low = data.get(JAVA_BYTE, from + k) >> shift & 15;
            int high = data.get(JAVA_BYTE, at + 16 + k) >> group & 1;
            quants[k * TILE_ROWS + row] = (byte) ((low | high << 4) - layout.zero() + layout.storedZero());
        }
    }

    /** 128 bytes of low nibbles, 64 of high bit pairs, 16 int8 scales, f16 d; halves of 128 columns. */
    private void q6k(int row, long at, int block, int group) {
        MemorySegment data = source.data();
        int half = group / 4;
        int quarter = group % 4;
        long low = at + half * 64L + quarter % 2 * 32L;
        long high = at + 128 + half * 32L;
        int lowShift = quarter / 2 * 4;
        int highShift = quarter * 2;
        for (int k = 0; k < BLOCK; k++) {
            int quant = (data.get(JAVA_BYTE, low + k) >> lowShift & 15)
                    | (data.get(JAVA_BYTE, high + k) >> highShift & 3) << 4;
            quants[k * TILE_ROWS + row] = (byte) quant;
        }
        narrow[row] = data.get(JAVA_BYTE, at + 192 + group * 2L);
        narrow[TILE_ROWS + row] = data.get(JAVA_BYTE, at + 192 + group * 2L + 1);
        if (group == 0) {
            wide[row] = scale(row, block, at + 208);
        }
    }

    private void scalesOfK(int row, long at, int block, int group) {
        MemorySegment data = source.data();
        if (group == 0) {
            wide[row] = scale(row, block, at);
            wideMinima[row] = scale(row, block, at + 2);
        }
        int scale;
        int minimum;
        if (group < 4) {
            scale = data.get(JAVA_BYTE, at + 4 + group) & 63;
            minimum = data.get(JAVA_BYTE, at + 8 + group) & 63;
        } else {
            int low = data.get(JAVA_BYTE, at + 8 + group);
            scale = (low & 15) | (data.get(JAVA_BYTE, at + group) >> 6 & 3) << 4;
            minimum = (low >> 4 & 15) | (data.get(JAVA_BYTE, at + 4 + group) >> 6 & 3) << 4;
        }
        narrow[row] = (byte) scale;
        narrow[TILE_ROWS + row] = (byte) minimum;
    }

    private short scale(int row, int block, long at) {
        float scale = Float.float16ToFloat(source.data().get(SHORT, at));
        if (!(Math.abs(scale) < SCALE_LIMIT)) {
            throw new IllegalArgumentException(source.name() + ": row " + (firstRow + row) + ", column " + block * BLOCK
                    + ": the scale " + scale + " is not a finite number below " + (int) SCALE_LIMIT
                    + "; the file is damaged, fetch it again");
        }
        return Float.floatToFloat16(scale * SCALE_FACTOR);
    }

    private void writeWide(short[] scales, long at) {
        for (int i = 0; i < TILE_ROWS / 2; i++) {
            int row = i + i / 16 * 16;
            target.set(INT, at + 4L * i, (scales[row] & 0xffff) | scales[row + 16] << 16);
        }
    }

    private void writeQuants(int strip, long at) {
        int columns = layout.quantsPerInt();
        for (int i = 0; i < BLOCK / columns * STRIP_ROWS; i++) {
            int first = i / STRIP_ROWS * columns * TILE_ROWS + strip * STRIP_ROWS + i % STRIP_ROWS;
            int packed = 0;
            for (int j = 0; j < columns; j++) {
                packed |= (quants[first + j * TILE_ROWS] & 0xff) << layout.shift(j);
            }
            target.set(INT, at + 4L * i, packed);
        }
    }
}
