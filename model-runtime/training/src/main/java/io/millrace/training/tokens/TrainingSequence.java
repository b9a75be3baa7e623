package io.millrace.training.tokens;

import java.util.Arrays;

/**
 * Tokens that are trained on together. The arrays are the sequence's own: who makes one gives them away, nobody changes them.
 *
 * @param tokens their ids, 1 to {@link #MAX_TOKENS}
 * @param learned whether the model learns to predict the token from those before it; never the first, which has none
 */
public record TrainingSequence(int[] tokens, boolean[] learned) {
    /** The most tokens that a sequence has. Every conversation of the desk fits. */
    public static final int MAX_TOKENS = 1024;

    /** @throws IllegalArgumentException when the lengths differ or are out of range, or the first token is learned */
    public TrainingSequence {
        if (tokens.length != learned.length || tokens.length < 1 || tokens.length > MAX_TOKENS) {
            throw new IllegalArgumentException("sequence: " + tokens.length + " tokens and " + learned.length
                    + " marks, expected as many, from 1 to " + MAX_TOKENS);
        }
        if (learned[0]) {
            throw new IllegalArgumentException("sequence: the first token has none before it that would predict it");
        }
    }

    public int length() {
        return tokens.length;
    }

    /** How many tokens are learned. */
    public int learnedTokens() {
        int count = 0;
        for (boolean mark : learned) {
            count += mark ? 1 : 0;
        }
        return count;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TrainingSequence sequence && Arrays.equals(tokens, sequence.tokens)
                && Arrays.equals(learned, sequence.learned);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(tokens);
    }

    /** A sequence of which every token but the first is learned. */
    static TrainingSequence allLearned(int[] tokens) {
        boolean[] learned = new boolean[tokens.length];
        Arrays.fill(learned, 1, tokens.length, true);
        return new TrainingSequence(tokens, learned);
    }
}
