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

/** {@link Kernels#multiply(PackedMatrix, int, Activations, int, float[], int, float[])} in plain loops. */
final class ScalarPackedMultiply {
    private static final int QUANTS = 0;
    private static final int SCALES = BLOCK;
    private static final int MINIMUM = SCALES + 2;

    private ScalarPackedMultiply() {}

    static void multiply(PackedMatrix weights, int tile, Activations x, int rows, float[] y, int yStride,
            float[] scratch) {
        PackedLayout layout = weights.layout();
        int outputs = Math.min(TILE_ROWS, weights.rows() - tile * TILE_ROWS);
        for (int n = 0; n < outputs; n++) {
            int output = tile * TILE_ROWS + n;
            for (int row = 0; row < rows; row++) {
                y[row * yStride + output] = 0;
            }
            for (int block = 0; block < weights.blocks(); block++) {
                read(weights, tile, block, n, scratch);
                for (int row = 0; row < rows; row++) {
                    y[row * yStride + output] = add(y[row * yStride + output], layout, scratch, x, row, block);
                }
            }
        }
    }

    private static float add(float sum, PackedLayout layout, float[] scratch, Activations x, int row, int block) {
        float[] operand = x.operand(layout);
        int from = row * x.stride() + block * BLOCK;
        float added = sum;
        for (int part = 0; part < BLOCK / layout.partial(); part++) {
            float partial = 0;
            for (int k = part * layout.partial(); k < (part + 1) * layout.partial(); k++) {
                partial = Math.fma(scratch[QUANTS + k], operand[from + k], partial);
            }
            added = Math.fma(scratch[SCALES + part], partial, added);
        }
        return layout.minima() ? Math.fma(scratch[MINIMUM], x.sums()[row * x.sumsStride + block], added) : added;
    }

    /** Factors of a row of 16 values for {@link Activations#nibbles}. */
    static float[] nibbleFactors() {
        float[] factors = new float[Kernels.LANES];
        for (int k = 0; k < factors.length; k++) {
            factors[k] = 1f / (1 << (k % 8 / 2 * 8));
        }
        return factors;
    }

    /** {@link Kernels#prepare}. */
    static void prepare(Activations x, int row, int from, int count) {
        float[] values = x.values();
        float[] factors = nibbleFactors();
        int at = row * x.stride() + from;
        float[] lanes = new float[Kernels.LANES];
        for (int k = 0; k < count; k++) {
            x.nibbles()[at + k] = values[at + k] * factors[k % Kernels.LANES];
        }
        for (int block = 0; block < count / BLOCK; block++) {
            int first = at + block * BLOCK;
            for (int j = 0; j < Kernels.LANES; j++) {
                lanes[j] = values[first + j] + values[first + Kernels.LANES + j];
            }
            x.sums()[row * x.sumsStride + from / BLOCK + block] = MultiplyTiling.sumLanes(lanes, 0);
        }
    }

    /** A row's block: the quants as they meet the operand, the scales, the negative minimum. */
    private static void read(PackedMatrix weights, int tile, int block, int row, float[] out) {
        PackedLayout layout = weights.layout();
        MemorySegment data = weights.data();
        long start = tile * layout.tileBytes(weights.cols());
        long header = start + layout.headerOffset(block);
        long scales = start + layout.scalesOffset(block);
        switch (layout.type()) {
            case Q8_0 -> out[SCALES] = wide(data, scales, row);
            case Q4_0 -> {
                out[SCALES] = wide(data, scales, row);
                out[MINIMUM] = -8 * out[SCALES];
            }
            case Q4_K, Q5_K -> {
                out[SCALES] = wide(data, header, row) * narrow(data, scales, row);
                out[MINIMUM] = -(wide(data, header + SCALE_BYTES, row) * narrow(data, scales + TILE_ROWS, row));
            }
            case Q6_K -> {
                out[SCALES] = wide(data, header, row) * narrow(data, scales, row);
                out[SCALES + 1] = wide(data, header, row) * narrow(data, scales + TILE_ROWS, row);
            }
            case F32, F16, BF16 -> throw new IllegalStateException(layout.type() + " is not packed");
        }
        int lane = row % STRIP_ROWS;
        long quants = start + layout.stripOffset(weights.cols(), row / STRIP_ROWS) + (long) block * layout.blockBytes();
        for (int k = 0; k < BLOCK; k++) {
            if (layout.nibbles()) {
                int packed = data.get(ScalarDequantizer.INT, quants + 4L * (k / 8 * STRIP_ROWS + lane));
                int shifted = packed >>> (k % 2 * 4) & (15 << (k % 8 / 2 * 8));
                out[QUANTS + k] = shifted;
            } else {
                out[QUANTS + k] = data.get(JAVA_BYTE, quants + (long) k * STRIP_ROWS + lane);
            }
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
