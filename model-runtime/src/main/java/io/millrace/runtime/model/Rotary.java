package io.millrace.runtime.model;

import io.millrace.runtime.weights.LlamaConfig;
import io.millrace.runtime.weights.RotaryLayout;

/**
 * Rotary position embedding (Su et al. 2021): pair {@code i} of a head at position {@code p} turns by
 * {@code p * theta^(-2i / headDim) / divisor[i]}. Angles are computed in double by {@link StrictMath}, once per row and
 * step, so they are the same on every machine; all layers and heads share them.
 *
 * <p>
 * Whatever the order of the weights' rows, rotated heads come out interleaved: pair {@code i} in places {@code 2i} and
 * {@code 2i + 1}. So files of both layouts give the same queries, keys and cache, bit for bit.
 */
final class Rotary {
    private final int pairs;
    private final double[] frequencies;
    private final int secondOffset;
    private final int step;
    private final float[] cos;
    private final float[] sin;

    Rotary(LlamaConfig config, float[] divisors, RotaryLayout layout, int maxRows) {
        pairs = config.headDim() / 2;
        frequencies = new double[pairs];
        for (int i = 0; i < pairs; i++) {
            frequencies[i] = StrictMath.pow(config.ropeTheta(), -2.0 * i / config.headDim()) / divisors[i];
        }
        boolean interleaved = layout == RotaryLayout.INTERLEAVED;
        secondOffset = interleaved ? 1 : pairs;
        step = interleaved ? 2 : 1;
        cos = new float[maxRows * pairs];
        sin = new float[maxRows * pairs];
    }

    /** Prepares the angles of a row. */
    void position(int row, int position) {
        for (int i = 0; i < pairs; i++) {
            double angle = position * frequencies[i];
            cos[row * pairs + i] = (float) StrictMath.cos(angle);
            sin[row * pairs + i] = (float) StrictMath.sin(angle);
        }
    }

    /** Writes one head of a row, rotated, interleaved and multiplied by {@code scale}. */
    void rotate(int row, float[] head, int offset, float scale, float[] out, int outOffset) {
        for (int i = 0; i < pairs; i++) {
            float first = head[offset + i * step];
            float second = head[offset + i * step + secondOffset];
            float c = cos[row * pairs + i];
            float s = sin[row * pairs + i];
            out[outOffset + 2 * i] = Math.fma(first, c, -(second * s)) * scale;
            out[outOffset + 2 * i + 1] = Math.fma(first, s, second * c) * scale;
        }
    }
}
