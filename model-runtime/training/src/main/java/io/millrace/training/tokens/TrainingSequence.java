package io.millrace.training.tokens;

import java.util.Arrays;

/**
 * Tokens that are trained on together. The arrays are the sequence's own: who makes one gives them away, nobody changes them.
 *
 * @param tokens their ids, 1 to {@link #MAX_TOKENS}
 * @param weights how much it counts whether the model predicts the token from those before it, 0 for not at all; the first,
 *        which has none before it, is never predicted
 */
public record TrainingSequence(int[] tokens, float[] weights) {
    /** The most tokens that a sequence has. Every conversation of the desk fits. */
    public static final int MAX_TOKENS = 1024;

    /** @throws IllegalArgumentException when the lengths differ or are out of range, a weight is below 0, or the first token's is not 0 */
    public TrainingSequence {
        if (tokens.length != weights.length || tokens.length < 1 || tokens.length > MAX_TOKENS) {
            throw new IllegalArgumentException("sequence: " + tokens.length + " tokens and " + weights.length
                    + " weights, expected as many, from 1 to " + MAX_TOKENS);
        }
        for (float weight : weights) {
            if (!(weight >= 0 && weight < Float.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("sequence: a weight of " + weight + ", expected 0 or more");
            }
        }
        if (weights[0] > 0) {
            throw new IllegalArgumentException("sequence: the first token has none before it that would predict it");
        }
    }

    /** Learned tokens all count alike. */
    public TrainingSequence(int[] tokens, boolean[] learned) {
        this(tokens, ones(learned));
    }

    private static float[] ones(boolean[] learned) {
        float[] weights = new float[learned.length];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = learned[i] ? 1 : 0;
        }
        return weights;
    }

    public int length() {
        return tokens.length;
    }

    /** Whether a token counts. */
    public boolean learned(int token) {
        return weights[token] > 0;
    }

    /** How many tokens count. */
    public int learnedTokens() {
        int count = 0;
        for (float weight : weights) {
            count += weight > 0 ? 1 : 0;
        }
        return count;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TrainingSequence sequence && Arrays.equals(tokens, sequence.tokens)
                && Arrays.equals(weights, sequence.weights);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(tokens);
    }

    /** A sequence of which every token but the first is learned. */
    static TrainingSequence allLearned(int[] tokens) {
        float[] weights = new float[tokens.length];
        Arrays.fill(weights, 1, tokens.length, 1);
        return new TrainingSequence(tokens, weights);
    }
}
