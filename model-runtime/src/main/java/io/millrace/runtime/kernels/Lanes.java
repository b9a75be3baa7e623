package io.millrace.runtime.kernels;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector shapes of the kernels, fixed when the class is loaded: one vector of 16 lanes where the machine's preferred one
 * has 512 bits, two of 8 where it has 256. Shapes wider than the machine's are emulated, thousands of times slower, and only
 * used where {@link KernelProvider#PROPERTY} asks for them.
 */
final class Lanes {
    static final VectorSpecies<Float> FLOATS = switch (System.getProperty(KernelProvider.PROPERTY)) {
        case KernelProvider.VECTOR_256 -> FloatVector.SPECIES_256;
        case KernelProvider.VECTOR_512 -> FloatVector.SPECIES_512;
        case null, default -> FloatVector.SPECIES_PREFERRED;
    };
    /** Lanes of one vector. */
    static final int LENGTH = FLOATS.length();
    static final boolean WIDE = LENGTH == Kernels.LANES;
    static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);
    /** Two to an int. */
    static final VectorSpecies<Short> SHORTS = FLOATS.withLanes(short.class);
    private static final VectorSpecies<Short> HALF_SHORTS = WIDE ? ShortVector.SPECIES_256 : ShortVector.SPECIES_128;
    private static final VectorSpecies<Byte> BYTES = WIDE ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;

    static final VectorShuffle<Float> BY_8 = VectorShuffle.fromOp(FLOATS, i -> i ^ (8 % LENGTH));
    static final VectorShuffle<Float> BY_4 = VectorShuffle.fromOp(FLOATS, i -> i ^ 4);
    static final VectorShuffle<Float> BY_2 = VectorShuffle.fromOp(FLOATS, i -> i ^ 2);
    static final VectorShuffle<Float> BY_1 = VectorShuffle.fromOp(FLOATS, i -> i ^ 1);

    private Lanes() {}

    /** Whether the shape is one that the kernels are written for. */
    static boolean supported() {
        return FLOATS.vectorBitSize() == 512 || FLOATS.vectorBitSize() == 256;
    }

    /** Whether the machine has no vectors of that shape, of floats or of shorts. */
    static boolean emulated() {
        return FLOATS.vectorBitSize() > Math.min(FloatVector.SPECIES_PREFERRED.vectorBitSize(),
                ShortVector.SPECIES_PREFERRED.vectorBitSize());
    }

    static FloatVector load(float[] array, int offset) {
        return FloatVector.fromArray(FLOATS, array, offset);
    }

    static IntVector ints(MemorySegment data, long at) {
        return IntVector.fromMemorySegment(INTS, data, at, ByteOrder.LITTLE_ENDIAN);
    }

    /** The halves of ints. */
    static ShortVector shorts(MemorySegment data, long at) {
        return ShortVector.fromMemorySegment(SHORTS, data, at, ByteOrder.LITTLE_ENDIAN);
    }

    static ShortVector shorts(short[] array, int offset) {
        return ShortVector.fromArray(SHORTS, array, offset);
    }

    /** Signed bytes as floats. */
    static FloatVector signedBytes(MemorySegment data, long at) {
        return (FloatVector) ByteVector.fromMemorySegment(BYTES, data, at, ByteOrder.LITTLE_ENDIAN)
                .convertShape(VectorOperators.B2F, FLOATS, 0);
    }

    /** Shorts as ints; the upper halves are the sign. */
    static IntVector widened(MemorySegment data, long at) {
        return (IntVector) ShortVector.fromMemorySegment(HALF_SHORTS, data, at, ByteOrder.LITTLE_ENDIAN)
                .convertShape(VectorOperators.S2I, INTS, 0);
    }

    static FloatVector toFloats(IntVector ints) {
        return (FloatVector) ints.convertShape(VectorOperators.I2F, FLOATS, 0);
    }

    /** The 16 lanes at {@code offset} added pairwise, as {@link MultiplyTiling#sumLanes}. */
    static float sum(float[] lanes, int offset) {
        return sum(load(lanes, offset), WIDE ? FloatVector.zero(FLOATS) : load(lanes, offset + LENGTH));
    }

    /** The 16 lanes of one wide vector, or of two, added pairwise. */
    static float sum(FloatVector low, FloatVector high) {
        FloatVector s = WIDE ? low.add(low.rearrange(BY_8)) : low.add(high);
        s = s.add(s.rearrange(BY_4));
        s = s.add(s.rearrange(BY_2));
        return s.add(s.rearrange(BY_1)).lane(0);
    }

    /**
     * {@code values = exp(factor * values + addend)} for {@code count} values, a multiple of the vector length; rounded as
     * {@link ScalarKernels#exp}, step by step. Over an array, because it is too large to be inlined everywhere, and a
     * vector that crosses a call is boxed.
     */
    static void exp(float[] values, int offset, int count, float factor, float addend) {
        for (int i = offset; i < offset + count; i += LENGTH) {
            FloatVector x = load(values, i).fma(FloatVector.broadcast(FLOATS, factor),
                    FloatVector.broadcast(FLOATS, addend));
            // By comparison: max and min take more instructions, to order zeros and NaN.
            x = x.blend(ScalarKernels.EXP_MIN, x.lt(ScalarKernels.EXP_MIN));
            x = x.blend(ScalarKernels.EXP_MAX, x.compare(VectorOperators.GT, ScalarKernels.EXP_MAX));
            FloatVector shifted = x.fma(FloatVector.broadcast(FLOATS, ScalarKernels.LOG2_E),
                    FloatVector.broadcast(FLOATS, ScalarKernels.ROUNDER));
            FloatVector n = shifted.sub(ScalarKernels.ROUNDER);
            FloatVector r = n.fma(FloatVector.broadcast(FLOATS, -ScalarKernels.LN2_LOW),
                    n.fma(FloatVector.broadcast(FLOATS, -ScalarKernels.LN2_HIGH), x));
            FloatVector p = FloatVector.broadcast(FLOATS, ScalarKernels.C5);
            p = p.fma(r, FloatVector.broadcast(FLOATS, ScalarKernels.C4));
            p = p.fma(r, FloatVector.broadcast(FLOATS, ScalarKernels.C3));
            p = p.fma(r, FloatVector.broadcast(FLOATS, ScalarKernels.C2));
            p = p.fma(r, FloatVector.broadcast(FLOATS, ScalarKernels.C1));
            p = p.fma(r, FloatVector.broadcast(FLOATS, ScalarKernels.C0));
            p = p.mul(r).fma(r, r).add(1);
            IntVector exponent = shifted.reinterpretAsInts().sub(ScalarKernels.ROUNDER_BITS);
            IntVector half = exponent.lanewise(VectorOperators.ASHR, 1);
            FloatVector first = half.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
            FloatVector second = exponent.sub(half).add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
            p.mul(first).mul(second).intoArray(values, i);
        }
    }
}
