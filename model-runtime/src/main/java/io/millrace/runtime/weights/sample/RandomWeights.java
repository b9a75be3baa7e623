package io.millrace.runtime.weights.sample;

/**
 * Bell-shaped random numbers that depend on a seed and a name only. The generator is SplitMix64 (Steele, Lea, Flood 2014),
 * written out because that of the JDK may change with its version, and a sample's bytes must not.
 */
final class RandomWeights {
    /** Standard deviation of the sum of four numbers that are uniform in 0 .. 65535. */
    private static final float SUM_DEVIATION = (float) (65536 / Math.sqrt(3));

    private long state;

    RandomWeights(long seed, String name) {
        state = mix(seed) ^ mix(name.hashCode());
    }

    /** Numbers of mean 0 and the given standard deviation. */
    float[] next(int count, float deviation) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            state += 0x9e3779b97f4a7c15L;
            long bits = mix(state);
            long sum = (bits & 0xffff) + (bits >>> 16 & 0xffff) + (bits >>> 32 & 0xffff) + (bits >>> 48);
            values[i] = (sum - 131070) / SUM_DEVIATION * deviation;
        }
        return values;
    }

    private static long mix(long bits) {
        long mixed = (bits ^ bits >>> 30) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94d049bb133111ebL;
        return mixed ^ mixed >>> 31;
    }
}
