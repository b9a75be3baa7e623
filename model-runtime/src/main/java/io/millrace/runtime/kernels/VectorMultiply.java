package io.millrace.runtime.kernels;

import static io.millrace.runtime.kernels.Lanes.LENGTH;
import static io.millrace.runtime.kernels.Lanes.load;
import static io.millrace.runtime.kernels.MultiplyTiling.OUTPUTS;
import static io.millrace.runtime.kernels.MultiplyTiling.PANEL;
import static io.millrace.runtime.kernels.MultiplyTiling.ROWS;
import static io.millrace.runtime.kernels.MultiplyTiling.WEIGHTS;
import static io.millrace.runtime.kernels.MultiplyTiling.WEIGHT_ROWS;

import io.millrace.runtime.weights.Tensor;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Matrix products: four rows of weights at a time are dequantized to a panel in scratch, which stays in the first-level cache
 * while all rows of activations pass by. The tiles differ only in how many sums they keep in registers; each sum is computed
 * alike in all of them. They are written out because a helper that takes or gives vectors may not be inlined, and vectors
 * that cross a call are boxed.
 */
final class VectorMultiply {
    private VectorMultiply() {}

    static void multiply(Tensor weights, int first, int outputs, float[] x, int xStride, int rows, float[] y,
            int yOffset, int yStride,
            float[] scratch) {
        for (int row = 0; row < rows; row += ROWS) {
            int rowCount = Math.min(ROWS, rows - row);
            for (int output = first; output < first + outputs; output += OUTPUTS) {
                int outputCount = Math.min(OUTPUTS, first + outputs - output);
                Arrays.fill(scratch, WEIGHTS, WEIGHTS + outputCount * rowCount * Kernels.LANES, 0);
                for (int from = 0; from < weights.cols(); from += PANEL) {
                    addPanel(weights, output, outputCount, from, x, row * xStride + from, xStride, rowCount, scratch);
                }
                for (int n = 0; n < outputCount; n++) {
                    for (int r = 0; r < rowCount; r++) {
                        y[yOffset + (row + r) * yStride + output + n - first] = Lanes.sum(scratch,
                                WEIGHTS + (n * rowCount + r) * Kernels.LANES);
                    }
                }
            }
        }
    }

    /** Adds columns {@code from .. from + PANEL - 1} to the lanes, {@code [output][row][16]} in scratch. */
    private static void addPanel(Tensor weights, int output, int outputs, int from, float[] x, int at, int xStride,
            int rows, float[] scratch) {
        int count = Math.min(PANEL, weights.cols() - from);
        int padded = Kernels.padded(count);
        int lanesStride = rows * Kernels.LANES;
        for (int n = 0; n < outputs; n += WEIGHT_ROWS) {
            int weightRows = Math.min(WEIGHT_ROWS, outputs - n);
            for (int i = 0; i < weightRows; i++) {
                VectorDequantizer.dequantize(weights, output + n + i, from, count, scratch, i * PANEL);
                if (padded > count) {
                    Arrays.fill(scratch, i * PANEL + count, i * PANEL + padded, 0);
                }
            }
            int lanes = WEIGHTS + n * lanesStride;
            if (weightRows == WEIGHT_ROWS) {
                addRows(scratch, lanes, lanesStride, x, at, xStride, padded, rows);
            } else {
                for (int i = 0; i < weightRows; i++) {
                    for (int r = 0; r < rows; r++) {
                        tile1x1(scratch, i * PANEL, lanes + i * lanesStride + r * Kernels.LANES, x, at + r * xStride,
                                padded);
                    }
                }
            }
        }
    }

    private static void addRows(float[] scratch, int lanes, int lanesStride, float[] x, int at, int xStride, int padded,
            int rows) {
        int r = 0;
        if (Lanes.WIDE) { // 32 registers: 16 sums, 5 operands
            for (; r + 4 <= rows; r += 4) {
                tile4x4(scratch, lanes + r * Kernels.LANES, lanesStride, x, at + r * xStride, xStride, padded);
            }
        }
        for (; r + 2 <= rows; r += 2) {
            tile4x2(scratch, lanes + r * Kernels.LANES, lanesStride, x, at + r * xStride, xStride, padded);
        }
        if (r < rows) {
            tile4x1(scratch, lanes + r * Kernels.LANES, lanesStride, x, at + r * xStride, padded);
        }
    }

    /** Adds the products of 4 rows of weights and 4 rows of activations over a panel. */
    private static void tile4x4(float[] s, int lanes, int lanesStride, float[] x, int at, int xStride, int padded) {
        for (int part = 0; part < Kernels.LANES; part += LENGTH) {
            int o0 = lanes + part;
            int o1 = lanes + lanesStride + part;
            int o2 = lanes + 2 * lanesStride + part;
            int o3 = lanes + 3 * lanesStride + part;
            FloatVector s00 = load(s, o0);
            FloatVector s01 = load(s, o0 + 16);
            FloatVector s02 = load(s, o0 + 32);
            FloatVector s03 = load(s, o0 + 48);
            FloatVector s10 = load(s, o1);
            FloatVector s11 = load(s, o1 + 16);
            FloatVector s12 = load(s, o1 + 32);
            FloatVector s13 = load(s, o1 + 48);
            FloatVector s20 = load(s, o2);
            FloatVector s21 = load(s, o2 + 16);
            FloatVector s22 = load(s, o2 + 32);
            FloatVector s23 = load(s, o2 + 48);
            FloatVector s30 = load(s, o3);
            FloatVector s31 = load(s, o3 + 16);
            FloatVector s32 = load(s, o3 + 32);
            FloatVector s33 = load(s, o3 + 48);
            for (int k = part; k < padded; k += Kernels.LANES) {
                FloatVector w0 = load(s, k);
                FloatVector w1 = load(s, k + PANEL);
                FloatVector w2 = load(s, k + 2 * PANEL);
                FloatVector w3 = load(s, k + 3 * PANEL);
                FloatVector x0 = load(x, at + k);
                s00 = w0.fma(x0, s00);
                s10 = w1.fma(x0, s10);
                s20 = w2.fma(x0, s20);
                s30 = w3.fma(x0, s30);
                FloatVector x1 = load(x, at + xStride + k);
                s01 = w0.fma(x1, s01);
                s11 = w1.fma(x1, s11);
                s21 = w2.fma(x1, s21);
                s31 = w3.fma(x1, s31);
                FloatVector x2 = load(x, at + 2 * xStride + k);
                s02 = w0.fma(x2, s02);
                s12 = w1.fma(x2, s12);
                s22 = w2.fma(x2, s22);
                s32 = w3.fma(x2, s32);
                FloatVector x3 = load(x, at + 3 * xStride + k);
                s03 = w0.fma(x3, s03);
                s13 = w1.fma(x3, s13);
                s23 = w2.fma(x3, s23);
                s33 = w3.fma(x3, s33);
            }
            s00.intoArray(s, o0);
            s01.intoArray(s, o0 + 16);
            s02.intoArray(s, o0 + 32);
            s03.intoArray(s, o0 + 48);
            s10.intoArray(s, o1);
            s11.intoArray(s, o1 + 16);
            s12.intoArray(s, o1 + 32);
            s13.intoArray(s, o1 + 48);
            s20.intoArray(s, o2);
            s21.intoArray(s, o2 + 16);
            s22.intoArray(s, o2 + 32);
            s23.intoArray(s, o2 + 48);
            s30.intoArray(s, o3);
            s31.intoArray(s, o3 + 16);
            s32.intoArray(s, o3 + 32);
            s33.intoArray(s, o3 + 48);
        }
    }

    /** Adds the products of 4 rows of weights and 2 rows of activations over a panel. */
    private static void tile4x2(float[] s, int lanes, int lanesStride, float[] x, int at, int xStride, int padded) {
        for (int part = 0; part < Kernels.LANES; part += LENGTH) {
            int o0 = lanes + part;
            int o1 = lanes + lanesStride + part;
            int o2 = lanes + 2 * lanesStride + part;
            int o3 = lanes + 3 * lanesStride + part;
            FloatVector s00 = load(s, o0);
            FloatVector s01 = load(s, o0 + 16);
            FloatVector s10 = load(s, o1);
            FloatVector s11 = load(s, o1 + 16);
            FloatVector s20 = load(s, o2);
            FloatVector s21 = load(s, o2 + 16);
            FloatVector s30 = load(s, o3);
            FloatVector s31 = load(s, o3 + 16);
            for (int k = part; k < padded; k += Kernels.LANES) {
                FloatVector w0 = load(s, k);
                FloatVector w1 = load(s, k + PANEL);
                FloatVector w2 = load(s, k + 2 * PANEL);
                FloatVector w3 = load(s, k + 3 * PANEL);
                FloatVector x0 = load(x, at + k);
                s00 = w0.fma(x0, s00);
                s10 = w1.fma(x0, s10);
                s20 = w2.fma(x0, s20);
                s30 = w3.fma(x0, s30);
                FloatVector x1 = load(x, at + xStride + k);
                s01 = w0.fma(x1, s01);
                s11 = w1.fma(x1, s11);
                s21 = w2.fma(x1, s21);
                s31 = w3.fma(x1, s31);
            }
            s00.intoArray(s, o0);
            s01.intoArray(s, o0 + 16);
            s10.intoArray(s, o1);
            s11.intoArray(s, o1 + 16);
            s20.intoArray(s, o2);
            s21.intoArray(s, o2 + 16);
            s30.intoArray(s, o3);
            s31.intoArray(s, o3 + 16);
        }
    }

    /** Adds the products of 4 rows of weights and 1 row of activations over a panel. */
    private static void tile4x1(float[] s, int lanes, int lanesStride, float[] x, int at, int padded) {
        for (int part = 0; part < Kernels.LANES; part += LENGTH) {
            int o0 = lanes + part;
            int o1 = lanes + lanesStride + part;
            int o2 = lanes + 2 * lanesStride + part;
            int o3 = lanes + 3 * lanesStride + part;
            FloatVector s00 = load(s, o0);
            FloatVector s10 = load(s, o1);
            FloatVector s20 = load(s, o2);
            FloatVector s30 = load(s, o3);
            for (int k = part; k < padded; k += Kernels.LANES) {
                FloatVector w0 = load(s, k);
                FloatVector w1 = load(s, k + PANEL);
                FloatVector w2 = load(s, k + 2 * PANEL);
                FloatVector w3 = load(s, k + 3 * PANEL);
                FloatVector x0 = load(x, at + k);
                s00 = w0.fma(x0, s00);
                s10 = w1.fma(x0, s10);
                s20 = w2.fma(x0, s20);
                s30 = w3.fma(x0, s30);
            }
            s00.intoArray(s, o0);
            s10.intoArray(s, o1);
            s20.intoArray(s, o2);
            s30.intoArray(s, o3);
        }
    }

    /** Adds the products of one row of weights and one row of activations over a panel. */
    private static void tile1x1(float[] s, int weights, int lanes, float[] x, int at, int padded) {
        for (int part = 0; part < Kernels.LANES; part += LENGTH) {
            FloatVector sum = load(s, lanes + part);
            for (int k = part; k < padded; k += Kernels.LANES) {
                sum = load(s, weights + k).fma(load(x, at + k), sum);
            }
            sum.intoArray(s, lanes + part);
        }
    }
}
