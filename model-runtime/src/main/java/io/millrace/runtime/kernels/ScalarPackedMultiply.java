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

    static void multiply(PackedMatrix weights, int tile, Activations x, int rows, float[] y, int yOffset, int yStride,
            float[] scratch) {
        int outputs = Math.min(TILE_ROWS, weights.rows() - tile * TILE_ROWS);
        for (int n = 0; n < outputs; n++) {
            int output = yOffset + n;
            for (int row = 0; row < rows; row++) {
                y[row * yStride + output] = 0;
            }
            for (int block = 0; block < weights.blocks(); block++) {
                dequantize(weights, tile, block, n, scratch);
                for (int row = 0; row < rows; row++) {
                    int from = row * x.stride() + block * BLOCK;
                    float sum = y[row * yStride + output];
                    for (int k = 0; k < BLOCK; k++) {
                        sum = Math.fma(scratch[k], x.values()[from + k], sum);
                    }
                    y[row * yStride + output] = sum;
                }
            }
        }
    }

    /** The weights of a row's block. */
    private static void dequantize(PackedMatrix weights, int tile, int block, int row, float[] out) {
        PackedLayout layout = weights.layout();
        MemorySegment data = weights.data();
        long start = tile * layout.tileBytes(weights.cols());
        long header = start + layout.headerOffset(block);
        long scales = start + layout.scalesOffset(block);
        switch (layout.type()) {
            case Q8_0 -> scale(weights, tile, block, row, wide(data, scales, row), 0, 0, out);
            case Q4_0 -> {
                float scale = wide(data, scales, row);
                scale(weights, tile, block, row, scale, -8 * scale, 0, out);
            }
            case Q4_K, Q5_K -> {
                float scale = wide(data, header, row) * narrow(data, scales, row);
                float minimum = wide(data, header + SCALE_BYTES, row) * narrow(data, scales + TILE_ROWS, row);
                scale(weights, tile, block, row, scale, -minimum, 0, out);
            }
            case Q6_K -> {
                float scale = wide(data, header, row);
                scale(weights, tile, block, row, scale * narrow(data, scales, row), 0, 0, out);
                scale(weights, tile, block, row, scale * narrow(data, scales + TILE_ROWS, row), 0, layout.scaled(),
                        out);
            }
            case F32, F16, BF16 -> throw new IllegalStateException(layout.type() + " is not packed");
        }
    }

    /** The weights of columns that share a scale, {@code from} the first of them in the block. */
    private static void scale(PackedMatrix weights, int tile, int block, int row, float scale, float minimum, int from,
            float[] out) {
        PackedLayout layout = weights.layout();
        int lane = row % STRIP_ROWS;
        long quants = tile * layout.tileBytes(weights.cols())
                + layout.stripOffset(weights.cols(), row / STRIP_ROWS) + (long) block * layout.blockBytes();
        for (int k = from; k < from + layout.scaled(); k++) {
            int quant;
            if (layout.nibbles()) {
                int packed = weights.data().get(ScalarDequantizer.INT, quants + 4L * (k / 8 * STRIP_ROWS + lane));
                quant = packed >>> (8 * (k % 4) + k % 8 / 4 * 4) & 15;
            } else {
                quant = weights.data().get(JAVA_BYTE, quants + (long) k * STRIP_ROWS + lane);
            }
            out[k] = Math.fma(quant, scale, minimum);
        }
    }

    private static float wide(MemorySegment data, long at, int row) {
        int pair = row / 32 * 16 + row % 16;
        return ScalarDequantizer.half(data, at + 4L * pair + (row % 32 < 16 ? 0 : 2)) / SCALE_FACTOR;
    }

    private static int narrow(MemorySegment data, long at, int row) {
        return data.get(JAVA_BYTE, at + row);
    }
}
