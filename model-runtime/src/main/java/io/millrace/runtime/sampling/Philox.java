package io.millrace.runtime.sampling;

/**
 * Philox4x32-10, a counter-based random number generator: Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy
 * as 1, 2, 3" (SC 2011). It is a function of key and counter and has no state, so a draw can be repeated after a restore
 * from seed and position alone.
 */
final class Philox {
    private static final int ROUNDS = 10;
    private static final long MULTIPLIER_0 = 0xD2511F53L;
    private static final long MULTIPLIER_1 = 0xCD9E8D57L;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;
    private static final double ULP = 0x1p-53;

    private Philox() {}

    /** Uniform in [0, 1), a multiple of 2^-53: {@code seed} is the key, {@code position} the low half of the counter. */
    static double uniform(long seed, long position) {
        return (block(seed, position, 0) >>> 11) * ULP;
    }

    /** The first two of the four words for a key and a 128-bit counter; the first is the low half of the result. */
    static long block(long key, long counterLow, long counterHigh) {
        int key0 = (int) key;
        int key1 = (int) (key >>> 32);
        int x0 = (int) counterLow;
        int x1 = (int) (counterLow >>> 32);
        int x2 = (int) counterHigh;
        int x3 = (int) (counterHigh >>> 32);
        for (int round = 0; round < ROUNDS; round++) {
            long product0 = MULTIPLIER_0 * Integer.toUnsignedLong(x0);
            long product1 = MULTIPLIER_1 * Integer.toUnsignedLong(x2);
            x0 = (int) (product1 >>> 32) ^ x1 ^ key0;
            x2 = (int) (product0 >>> 32) ^ x3 ^ key1;
            x1 = (int) product1;
            x3 = (int) product0;
            key0 += WEYL_0;
            key1 += WEYL_1;
        }
        return Integer.toUnsignedLong(x1) << 32 | Integer.toUnsignedLong(x0);
    }
}
