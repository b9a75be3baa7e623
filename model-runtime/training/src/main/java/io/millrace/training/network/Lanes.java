package io.millrace.training.network;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vectors of this machine. Sums over a row always have 16 lanes, of one vector or of two, added pairwise at the end, so
 * that they round alike on machines of 512 and of 256 bits.
 */
final class Lanes {
    /** Lanes of a sum; rows are padded to a multiple of them. */
    static final int COUNT = 16;
    static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    /** Lanes of one vector. */
    static final int LENGTH = FLOATS.length();
    static final boolean WIDE = LENGTH == COUNT;
    /** Exchanges the halves of pairs. */
    static final VectorShuffle<Float> BY_1 = VectorShuffle.fromOp(FLOATS, i -> i ^ 1);
    private static final VectorShuffle<Float> BY_2 = VectorShuffle.fromOp(FLOATS, i -> i ^ 2);
    private static final VectorShuffle<Float> BY_4 = VectorShuffle.fromOp(FLOATS, i -> i ^ (4 % LENGTH));
    private static final VectorShuffle<Float> BY_8 = VectorShuffle.fromOp(FLOATS, i -> i ^ (8 % LENGTH));

    static {
        if (LENGTH != COUNT && 2 * LENGTH != COUNT) {
            throw new IllegalStateException("training wants vectors of 512 or 256 bits; those of this machine have "
                    + FLOATS.vectorBitSize() + ": train on another one");
        }
    }

    private Lanes() {}

    static int padded(int size) {
        return (size + COUNT - 1) / COUNT * COUNT;
    }

    /**
     * Distance of rows of that width: one line of the cache more than they need, so that rows do not all fall into the same
     * few sets of the first-level cache, and so that kernels may read a few columns too far.
     */
    static int stride(int width) {
        return padded(width) + COUNT;
    }

    static FloatVector load(float[] array, int offset) {
        return FloatVector.fromArray(FLOATS, array, offset);
    }

    /** The sum of the 16 lanes of one wide vector, or of two. */
    static float sum(FloatVector low, FloatVector high) {
        FloatVector s = WIDE ? low.add(low.rearrange(BY_8)) : low.add(high);
        s = s.add(s.rearrange(BY_4));
        s = s.add(s.rearrange(BY_2));
        return s.add(s.rearrange(BY_1)).lane(0);
    }

    static float max(FloatVector low, FloatVector high) {
        FloatVector m = WIDE ? larger(low, low.rearrange(BY_8)) : larger(low, high);
        m = larger(m, m.rearrange(BY_4));
        m = larger(m, m.rearrange(BY_2));
        return larger(m, m.rearrange(BY_1)).lane(0);
    }

    /** By comparison: {@code FloatVector.max} takes more instructions, to order zeros and NaN. */
    static FloatVector larger(FloatVector a, FloatVector b) {
        return a.blend(b, a.lt(b));
    }
}
