package io.millrace.training.network;

import static io.millrace.training.network.Lanes.COUNT;
import static io.millrace.training.network.Lanes.FLOATS;
import static io.millrace.training.network.Lanes.LENGTH;
import static io.millrace.training.network.Lanes.load;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** What is computed row by row, with derivatives. Widths are multiples of {@link Lanes#COUNT} unless said otherwise. */
final class Rows {
    private static final float LOG2_E = 1.442695f;
    /** ln 2 in two parts; the high one has trailing zero bits, so that n * LN2_HIGH is exact. */
    private static final float LN2_HIGH = 0x1.63p-1f;
    private static final float LN2_LOW = -2.1219444e-4f;
    /** Below it results would leave the normal range, where processors are slow: they are 0 instead. */
    private static final float EXP_MIN = -87;
    private static final float EXP_MAX = 88;
    /** Adding 1.5 * 2^23 leaves the nearest integer in the low bits. */
    private static final float ROUNDER = 12_582_912f;
    private static final int ROUNDER_BITS = 0x4B40_0000;

    private Rows() {}

    /**
     * {@code values = exp(values - shift) * factor}; within 2 units in the last place for arguments between -87 and 88, 0
     * below. 2^n exp(r) with n the integer nearest to x / ln 2, and Cephes' polynomial for exp(r).
     *
     * @return the sum of the results
     */
    static float exp(float[] values, int at, int count, float shift, float factor) {
        FloatVector low = FloatVector.zero(FLOATS);
        FloatVector high = low;
        for (int i = at; i < at + count; i += COUNT) {
            for (int part = 0; part < COUNT; part += LENGTH) {
                FloatVector x = load(values, i + part).sub(shift);
                VectorMask<Float> small = x.lt(EXP_MIN);
                x = x.blend(EXP_MIN, small);
                x = x.blend(EXP_MAX, x.compare(VectorOperators.GT, EXP_MAX));
                FloatVector shifted = x.fma(FloatVector.broadcast(FLOATS, LOG2_E),
                        FloatVector.broadcast(FLOATS, ROUNDER));
                FloatVector n = shifted.sub(ROUNDER);
                FloatVector r = n.fma(FloatVector.broadcast(FLOATS, -LN2_LOW),
                        n.fma(FloatVector.broadcast(FLOATS, -LN2_HIGH), x));
                FloatVector p = FloatVector.broadcast(FLOATS, 1.9875691e-4f);
                p = p.fma(r, FloatVector.broadcast(FLOATS, 1.3981999e-3f));
                p = p.fma(r, FloatVector.broadcast(FLOATS, 8.333452e-3f));
                p = p.fma(r, FloatVector.broadcast(FLOATS, 4.1665796e-2f));
                p = p.fma(r, FloatVector.broadcast(FLOATS, 0.16666666f));
                p = p.fma(r, FloatVector.broadcast(FLOATS, 0.5f));
                p = p.mul(r).fma(r, r).add(1);
                IntVector exponent = shifted.reinterpretAsInts().sub(ROUNDER_BITS - 127);
                FloatVector power = exponent.lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
                FloatVector y = p.mul(power).mul(factor).blend(0, small);
                y.intoArray(values, i + part);
                if (part == 0) {
                    low = low.add(y);
                } else {
                    high = high.add(y);
                }
            }
        }
        return Lanes.sum(low, high);
    }

    static float max(float[] x, int at, int count) {
        FloatVector low = load(x, at);
        FloatVector high = load(x, at + COUNT - LENGTH);
        for (int i = at + COUNT; i < at + count; i += COUNT) {
            low = Lanes.larger(low, load(x, i));
            if (!Lanes.WIDE) {
                high = Lanes.larger(high, load(x, i + LENGTH));
            }
        }
        return Lanes.max(low, high);
    }

    static float dot(float[] x, int at, float[] y, int yAt, int count) {
        FloatVector low = FloatVector.zero(FLOATS);
        FloatVector high = low;
        for (int i = 0; i < count; i += COUNT) {
            low = load(x, at + i).fma(load(y, yAt + i), low);
            if (!Lanes.WIDE) {
                high = load(x, at + i + LENGTH).fma(load(y, yAt + i + LENGTH), high);
            }
        }
        return Lanes.sum(low, high);
    }

    /**
     * {@code y = x * scale * gain} with the scale that makes the root of the mean square 1.
     *
     * @return the scale
     */
    static float rmsNorm(float[] x, int at, int width, float[] gain, float eps, float[] y, int yAt) {
        float scale = 1 / (float) Math.sqrt(dot(x, at, x, at, width) / width + eps);
        for (int i = 0; i < width; i += LENGTH) {
            load(x, at + i).mul(scale).mul(load(gain, i)).intoArray(y, yAt + i);
        }
        return scale;
    }

    /**
     * Adds the gradient of the norm's input to {@code dx} and that of its gain to {@code dGain}.
     *
     * @param dy gradient of the output; overwritten
     * @param scale what {@link #rmsNorm} returned
     */
    static void rmsNormBackward(float[] dy, int dyAt, float[] x, int at, int width, float[] gain, float scale,
            float[] dx, int dxAt, float[] dGain, int dGainAt) {
        for (int i = 0; i < width; i += LENGTH) {
            FloatVector slope = load(dy, dyAt + i);
            slope.mul(scale).fma(load(x, at + i), load(dGain, dGainAt + i)).intoArray(dGain, dGainAt + i);
            slope.mul(load(gain, i)).intoArray(dy, dyAt + i);
        }
        float along = -dot(dy, dyAt, x, at, width) / width * scale * scale * scale;
        for (int i = 0; i < width; i += LENGTH) {
            FloatVector sum = load(x, at + i).fma(FloatVector.broadcast(FLOATS, along), load(dx, dxAt + i));
            load(dy, dyAt + i).fma(FloatVector.broadcast(FLOATS, scale), sum).intoArray(dx, dxAt + i);
        }
    }

    /** {@code out = gate * sigmoid(gate) * up}. */
    static void swiGlu(float[] gate, float[] up, float[] out, int at, int width) {
        for (int i = at; i < at + width; i += LENGTH) {
            load(gate, i).neg().intoArray(out, i);
        }
        exp(out, at, width, 0, 1);
        for (int i = at; i < at + width; i += LENGTH) {
            load(gate, i).mul(load(up, i)).div(load(out, i).add(1)).intoArray(out, i);
        }
    }

    /** Replaces {@code dOut}, the gradient of the output, by that of the gate, and writes that of up. */
    static void swiGluBackward(float[] gate, float[] up, float[] dOut, float[] dUp, int at, int width) {
        for (int i = at; i < at + width; i += LENGTH) {
            load(gate, i).neg().intoArray(dUp, i);
        }
        exp(dUp, at, width, 0, 1);
        for (int i = at; i < at + width; i += LENGTH) {
            FloatVector g = load(gate, i);
            FloatVector sigmoid = FloatVector.broadcast(FLOATS, 1).div(load(dUp, i).add(1));
            FloatVector silu = g.mul(sigmoid);
            FloatVector slope = load(dOut, i);
            // The derivative of g s(g) is s(g) (1 + g (1 - s(g))) = s(g) + silu(g) (1 - s(g)).
            FloatVector derivative = silu.fma(FloatVector.broadcast(FLOATS, 1).sub(sigmoid), sigmoid);
            slope.mul(silu).intoArray(dUp, i);
            slope.mul(load(up, i)).mul(derivative).intoArray(dOut, i);
        }
    }

    /** Turns pairs of neighbours, {@code x = (x * cos + exchanged(x) * sin) * scale}, where the sines carry the sign. */
    static void rotate(float[] x, int at, int width, float[] cos, float[] sin, int angles, float scale) {
        for (int i = 0; i < width; i += LENGTH) {
            FloatVector value = load(x, at + i);
            FloatVector turned = value.rearrange(Lanes.BY_1).mul(load(sin, angles + i));
            value.fma(load(cos, angles + i), turned).mul(scale).intoArray(x, at + i);
        }
    }

    /** Turns pairs back: the gradient of {@link #rotate}. */
    static void rotateBack(float[] x, int at, int width, float[] cos, float[] sin, int angles, float scale) {
        for (int i = 0; i < width; i += LENGTH) {
            FloatVector value = load(x, at + i);
            FloatVector turned = value.rearrange(Lanes.BY_1).mul(load(sin, angles + i));
            value.mul(load(cos, angles + i)).sub(turned).mul(scale).intoArray(x, at + i);
        }
    }

    /**
     * Replaces scores by their softmax. Of {@code room} floats the first {@code count} are scores, the others become 0.
     *
     * @param room a multiple of {@link Lanes#COUNT}
     * @return the logarithm of the sum of the exponentials
     */
    static float softmax(float[] x, int at, int count, int room) {
        int padded = Lanes.padded(count);
        Arrays.fill(x, at + count, at + padded, Float.NEGATIVE_INFINITY);
        float max = max(x, at, padded);
        float sum = exp(x, at, padded, max, 1);
        float scale = 1 / sum;
        for (int i = at; i < at + padded; i += LENGTH) {
            load(x, i).mul(scale).intoArray(x, i);
        }
        Arrays.fill(x, at + padded, at + room, 0);
        return max + (float) StrictMath.log(sum);
    }

    /** The softmax of scores, from the logarithm that {@link #softmax} returned. */
    static void softmaxAgain(float[] x, int at, int count, int room, float logSum) {
        int padded = Lanes.padded(count);
        Arrays.fill(x, at + count, at + padded, Float.NEGATIVE_INFINITY);
        exp(x, at, padded, logSum, 1);
        Arrays.fill(x, at + padded, at + room, 0);
    }

    /** {@code dx = softmax * (dy - along)}, into {@code dy}. */
    static void softmaxBackward(float[] softmax, float[] dy, int at, int count, float along) {
        for (int i = at; i < at + count; i += LENGTH) {
            load(dy, i).sub(along).mul(load(softmax, i)).intoArray(dy, i);
        }
    }

    static void scale(float[] x, int at, int count, float factor) {
        for (int i = at; i < at + count; i += LENGTH) {
            load(x, i).mul(factor).intoArray(x, i);
        }
    }

    static void add(float[] x, int at, float[] y, int yAt, int width) {
        for (int i = 0; i < width; i += LENGTH) {
            load(x, at + i).add(load(y, yAt + i)).intoArray(x, at + i);
        }
    }
}
