package io.millrace.training.network;

import java.util.Random;

/** A network that is small but has everything: several layers, grouped queries, sizes that leave tiles half full. */
final class SmallNetwork {
    static final NetworkShape SHAPE = new NetworkShape(37, 2, 32, 48, 4, 2, 16, 10_000, 1e-5f);

    private SmallNetwork() {}

    /** Two sequences and a third of one token; some tokens are not learned. */
    static TokenBatch batch(long seed) {
        Random random = new Random(seed);
        int[] starts = {0, 23, 24};
        int[] tokens = random.ints(24 + 57, 0, SHAPE.vocabSize()).toArray();
        boolean[] learned = new boolean[tokens.length];
        for (int i = 0; i < learned.length; i++) {
            learned[i] = i % 5 != 2;
        }
        return new TokenBatch(tokens, starts, learned);
    }

    /** Parameters far enough from their initial values that every gradient is of some size. */
    static Parameters parameters(long seed) {
        Parameters parameters = Parameters.random(SHAPE, seed);
        Random random = new Random(seed + 1);
        for (Parameter parameter : parameters.all()) {
            float[] values = parameter.values();
            for (int i = 0; i < values.length; i++) {
                values[i] += (float) (0.1 * random.nextGaussian());
            }
        }
        return parameters;
    }

    static float[] weights(TokenBatch batch, long seed) {
        Random random = new Random(seed);
        float[] weights = new float[batch.tokens().length];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = random.nextFloat() - 0.3f;
        }
        return weights;
    }

    static double loss(float[] logProbabilities, float[] weights) {
        double loss = 0;
        for (int i = 0; i < weights.length; i++) {
            loss -= (double) weights[i] * logProbabilities[i];
        }
        return loss;
    }
}
