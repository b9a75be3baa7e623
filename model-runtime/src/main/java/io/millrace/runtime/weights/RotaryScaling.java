package io.millrace.runtime.weights;

import java.util.Arrays;

/**
 * The "llama3" scaling of the rotary frequencies, by which a model trained on {@code originalContext} positions reads more:
 * short wavelengths stay, long ones are stretched by {@code factor}, those between go over smoothly.
 *
 * @param factor how much longer the context becomes
 * @param lowFreqFactor wavelengths above {@code originalContext / lowFreqFactor} are stretched fully
 * @param highFreqFactor wavelengths below {@code originalContext / highFreqFactor} stay
 * @param originalContext positions the model was first trained on
 */
public record RotaryScaling(double factor, double lowFreqFactor, double highFreqFactor, int originalContext) {
    /** What all Llama 3.1 models have. */
    public static final RotaryScaling LLAMA_3_1 = new RotaryScaling(8, 1, 4, 8192);

    /** The divisors of an unscaled model, {@code headDim / 2} times 1. */
    public static float[] none(int headDim) {
        float[] divisors = new float[headDim / 2];
        Arrays.fill(divisors, 1f);
        return divisors;
    }

    /** By what to divide each of the {@code headDim / 2} frequencies {@code theta^(-2i / headDim)}. */
    public float[] divisors(int headDim, double theta) {
        float[] divisors = new float[headDim / 2];
        for (int i = 0; i < divisors.length; i++) {
            double wavelength = 2 * Math.PI * StrictMath.pow(theta, 2.0 * i / headDim);
            divisors[i] = (float) divisor(originalContext / wavelength);
        }
        return divisors;
    }

    private double divisor(double turns) {
        if (turns > highFreqFactor) {
            return 1;
        }
        if (turns < lowFreqFactor) {
            return factor;
        }
        double kept = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
        return 1 / ((1 - kept) / factor + kept);
    }
}
