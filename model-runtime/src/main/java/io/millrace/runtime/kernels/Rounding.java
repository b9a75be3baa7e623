package io.millrace.runtime.kernels;

/** What of {@link Kernels#round} is the same with and without vectors. */
final class Rounding {
    /** A rounded value is at most this, either side of 0. */
    static final float LIMIT = 127;
    /** The largest value of a block below which all of it becomes 0: far below it 127 / largest is infinite. */
    static final float SMALLEST = 0x1p-100f;
    /** Added to a small number it rounds it to a whole one, ties to even, which stands in the lower bits then. */
    static final float ROUNDER = 0x1.8p23f;
    static final int ROUNDER_BITS = Float.floatToRawIntBits(ROUNDER);
    static final int MAGNITUDE = 0x7fffffff;

    private Rounding() {}

    /** What a block's values are multiplied by before they are rounded. */
    static float inverse(float largest) {
        return largest < SMALLEST ? 0 : LIMIT / largest;
    }

    /**
     * Writes what belongs to a rounded block.
     *
     * @param rounded values, in 32 bits
     */
    static void store(Activations x, int row, int block, float largest, int[] rounded) {
        int to = x.factors(row, block);
        int at = row * x.blockStride() + block;
        int sum = 0;
        if (x.nibbles()) {
            sum = storeForNibbles(x, to, at, rounded);
        }
        if (x.bytes()) {
            sum = storeForBytes(x, to, at, rounded);
        }
        float scale = largest < SMALLEST ? 0 : largest / LIMIT;
        x.scales()[at] = scale;
        x.scaledSums()[at] = scale * sum;
    }

    /** Returns the sum of the values. */
    private static int storeForNibbles(Activations x, int to, int at, int[] rounded) {
        int even = 0;
        int odd = 0;
        for (int i = 0; i < Activations.BLOCK / 2; i++) {
            int low = rounded[2 * i];
            int high = rounded[2 * i + 1];
            x.nibbleFactors()[to + i * Activations.GROUP_ROWS] = i % 4 == 0
                    ? pair(low, high - 16 * rounded[2 * i + 6])
                    : pair(low - 16 * rounded[2 * i - 2], high - 16 * rounded[2 * i - 1]);
            even += low;
            odd += high;
        }
        x.nibbleStarts()[at] = pair(-8 * even, -8 * odd);
        return even + odd;
    }

    /** Returns the sum of the values. */
    private static int storeForBytes(Activations x, int to, int at, int[] rounded) {
        int sum = 0;
        for (int half = 0; half < 2; half++) {
            int even = 0;
            int odd = 0;
            for (int i = half * Activations.HALF_BLOCK / 2; i < (half + 1) * Activations.HALF_BLOCK / 2; i++) {
                int low = rounded[2 * i];
                int high = rounded[2 * i + 1];
                x.byteFactors()[to + i * Activations.GROUP_ROWS] = i % 2 == 0
                        ? pair(low, high)
                        : pair(low - 256 * rounded[2 * i - 2], high - 256 * rounded[2 * i - 1]);
                even += low;
                odd += high;
            }
            x.byteStarts()[2 * at + half] = pair(-32 * even, -32 * odd);
            sum += even + odd;
        }
        return sum;
    }

    private static int pair(int low, int high) {
        return (low & 0xffff) | high << 16;
    }
}
