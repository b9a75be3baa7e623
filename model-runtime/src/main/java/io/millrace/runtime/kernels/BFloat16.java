package io.millrace.runtime.kernels;

/** The upper half of an IEEE 754 single. */
public final class BFloat16 {
    private BFloat16() {}

    /** Rounds to the nearest, ties to even; NaN stays NaN. */
    public static short of(float value) {
        int bits = Float.floatToIntBits(value); // one NaN, whose upper half is a NaN
        return (short) (Float.isNaN(value) ? bits >>> 16 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }

    /** The number that it stands for. */
    public static float toFloat(short value) {
        return Float.intBitsToFloat(value << 16);
    }
}
