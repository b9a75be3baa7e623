package io.millrace.runtime.kernels;

import static io.millrace.runtime.packing.PackedLayout.BLOCK;
import static io.millrace.runtime.packing.PackedLayout.SCALE_BYTES;
import static io.millrace.runtime.packing.PackedLayout.SCALE_FACTOR;
import static io.millrace.runtime.packing.PackedLayout.STRIP_ROWS;
import static io.millrace.runtime.packing.PackedLayout.TILE_ROWS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.millrace.runtime.packing.PackedLayout;
import io.millrace.runtime.packing.PackedMatrix;
import java.lang.foreign.MemorySegment;

/** {@link Kernels#multiply(PackedMatrix, int, Activations, int, float[], int, int, float[])} in plain loops. */
final class ScalarPackedMultiply {
    private ScalarPackedMultiply() {}

    static void multiply(PackedMatrix weights, int tile, Activations x, int rows, float[] y, int yOffset,
            int yStride) {
        int outputs = Math.min(TILE_ROWS, weights.rows() - tile * TILE_ROWS);
        Block block = new Block(weights, tile);
        for (int n = 0; n < outputs; n++) {
            for (int row = 0; row < rows; row++) {
                y[yOffset + row * yStride + n] = 0;
            }
            for (int number = 0; number < weights.blocks(); number++) {
                block.read(number, n);
                for (int row = 0; row < rows; row++) {
                    int at = yOffset + row * yStride + n;
                    y[at] = weights.layout().integers() ? block.addIntegers(x, row, y[at]) : block.add(x, row, y[at]);
                }
            }
        }
    }

    /** A row's block of weights. */
    private static final class Block {
        private final PackedLayout layout;
        private final MemorySegment data;
        private final int cols;
        private final long start;
        private final int[] quants = new int[BLOCK];
        private final int[] rounded = new int[BLOCK];
        /** Of the first columns, and of the others. */
        private final float[] scales = new float[2];
        private float offset;
        private int number;

        Block(PackedMatrix weights, int tile) {
            layout = weights.layout();
            data = weights.data();
            cols = weights.cols();
            start = tile * layout.tileBytes(cols);
        }

        void read(int block, int row) {
            number = block;
            readScales(block, row);
            long at = start + layout.stripOffset(cols, row / STRIP_ROWS) + (long) block * layout.blockBytes();
            int lane = row % STRIP_ROWS;
            for (int k = 0; k < BLOCK; k++) {
                int packed = data.get(ScalarDequantizer.INT,
                        at + 4L * (k / layout.quantsPerInt() * STRIP_ROWS + lane)) >>> layout.shift(k);
                quants[k] = layout.integers()
                        ? (packed & (layout.nibbles() ? 0xf : 0xff)) - layout.storedZero()
                        : (byte) packed;
            }
        }

        private void readScales(int block, int row) {
            long header = start + layout.headerOffset(block);
            long own = start + layout.scalesOffset(block);
            switch (layout.type()) {
                case Q8_0, Q4_0 -> {
                    scales[0] = wide(own, row);
                }
                case Q4_K, Q5_K -> {
                    scales[0] = wide(header, row) * narrow(own, row);
                    float minimum = wide(header + SCALE_BYTES, row) * narrow(own + TILE_ROWS, row);
                    offset = Math.fma(scales[0], layout.zero(), -minimum);
                }
                case Q6_K -> {
                    scales[0] = wide(header, row) * narrow(own, row);
                    scales[1] = wide(header, row) * narrow(own + TILE_ROWS, row);
                }
                case F32, F16, BF16 -> throw new IllegalStateException(layout.type() + " is not packed");
            }
        }

        private float wide(long at, int row) {
            int pair = row / 32 * 16 + row % 16;
            return ScalarDequantizer.half(data, at + 4L * pair + (row % 32 < 16 ? 0 : 2)) / SCALE_FACTOR;
        }

        private int narrow(long at, int row) {
            return data.get(JAVA_BYTE, at + row);
        }

        float add(Activations x, int row, float sum) {
            int from = row * x.stride() + number * BLOCK;
            float products = 0;
            for (int k = 0; k < BLOCK; k++) {
                products = Math.fma(quants[k] * 0x1p24f, x.values()[from + k], products);
            }
            return Math.fma(products, scales[0] * 0x1p-24f, sum);
        }

        float addIntegers(Activations x, int row, float sum) {
            x.readRounded(row, number, rounded);
            int at = row * x.blockStride() + number;
            int run = layout.nibbles() ? BLOCK : BLOCK / 2;
            for (int from = 0; from < BLOCK; from += run) {
                int integers = integers(from, from + run);
                sum = Math.fma(x.scales()[at] * integers, scales[from / layout.scaled()], sum);
            }
            return layout.minima() ? Math.fma(offset, x.scaledSums()[at], sum) : sum;
        }

        private int integers(int from, int end) {
            int sum = 0;
            for (int k = from; k < end; k++) {
                sum += quants[k] * rounded[k];
            }
            return sum;
        }
    }
}
