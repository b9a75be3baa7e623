package io.millrace.runtime.model;

import io.millrace.runtime.weights.LlamaConfig;
import io.millrace.runtime.weights.RotaryLayout;

/**
 * Rotary position embedding (Su et al. 2021): pair {@code i} of a head at position {@code p} turns by
 * {@code p * theta^(-2i / headDim) / divisor[i]}. Angles are prepared once per row and step; all layers and heads share
 * them. Sine and cosine are {@link StrictMath}'s, so they are the same on every machine, of two tables: one for multiples of
 * {@link #FINE} positions, one for those between; the sum of two angles follows in double. That is exact far beyond f32 and
 * needs neither a table of all positions nor a sine per row and pair.
 *
 * <p>
 * Whatever the order of the weights' rows, rotated heads come out interleaved: pair {@code i} in places {@code 2i} and
 * {@code 2i + 1}. So files of both layouts give the same queries, keys and cache, bit for bit.
 */
final class Rotary {
    private static final int FINE = 256;

    private final int pairs;
    private final int secondOffset;
    private final int step;
    /** Cosine and sine of each pair, for each position below {@link #FINE}. */
    private final double[] fine;
    /** Cosine and sine of each pair, for each multiple of {@link #FINE}. */
    private final double[] coarse;
    private final float[] cos;
    private final float[] sin;

    Rotary(LlamaConfig config, float[] divisors, RotaryLayout layout, int maxRows) {
        pairs = config.headDim() / 2;
        double[] frequencies = new double[pairs];
        for (int i = 0; i < pairs; i++) {
            frequencies[i] = StrictMath.pow(config.ropeTheta(), -2.0 * i / config.headDim()) / divisors[i];
        }
        fine = table(frequencies, FINE, 1);
        coarse = table(frequencies, (config.contextLength() + FINE - 1) / FINE, FINE);
        boolean interleaved = layout == RotaryLayout.INTERLEAVED;
        secondOffset = interleaved ? 1 : pairs;
        step = interleaved ? 2 : 1;
        cos = new float[maxRows * pairs];
        sin = new float[maxRows * pairs];
    }

    private static double[] table(double[] frequencies, int count, int distance) {
        double[] table = new double[count * frequencies.length * 2];
        int at = 0;
        for (int n = 0; n < count; n++) {
            for (double frequency : frequencies) {
                double angle = (double) n * distance * frequency;
                table[at++] = StrictMath.cos(angle);
                table[at++] = StrictMath.sin(angle);
            }
        }
        return table;
    }

    /** Prepares the angles of a row for a position below the model's context length. */
    void position(int row, int position) {
        int a = position / FINE * pairs * 2;
        int b = position % FINE * pairs * 2;
        for (int i = row * pairs; i < (row + 1) * pairs; i++, a += 2, b += 2) {
            cos[i] = (float) (coarse[a] * fine[b] - coarse[a + 1] * fine[b + 1]);
            sin[i] = (float) (coarse[a + 1] * fine[b] + coarse[a] * fine[b + 1]);
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
