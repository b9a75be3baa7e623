package io.millrace.training.network;

import io.millrace.runtime.kernels.WorkerPool;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;

/**
 * Times steps of training: forward, backward, AdamW. Arguments: hidden, layers, ffn, threads, steps, share of the tokens that
 * are learned. See {@code README.md} beside it.
 */
final class TrainingBench {
    private static final int VOCABULARY = 4096;
    private static final int TOKENS = 4096;

    private TrainingBench() {}

    public static void main(String[] args) {
        int hidden = Integer.parseInt(args[0]);
        int layers = Integer.parseInt(args[1]);
        int ffn = Integer.parseInt(args[2]);
        int threads = Integer.parseInt(args[3]);
        int steps = Integer.parseInt(args[4]);
        double learned = Double.parseDouble(args[5]);
        NetworkShape shape = new NetworkShape(VOCABULARY, layers, hidden, ffn, hidden / 32, 2, 32, 10_000, 1e-5f);
        Parameters parameters = Parameters.random(shape, 1);
        TokenBatch batch = batch(learned);
        float[] weights = new float[TOKENS];
        Arrays.fill(weights, 1f / TOKENS);
        try (WorkerPool workers = new WorkerPool(threads)) {
            Network network = new Network(parameters, TOKENS, workers);
            AdamW optimizer = new AdamW(parameters, AdamW.Options.defaults(), workers);
            double flops = flops(shape, batch);
            System.out.printf(Locale.ROOT, "%,d parameters, %d sequences, %.1f GFLOP a step, %d threads%n",
                    parameters.size(), batch.starts().length, flops / 1e9, threads);
            double best = Double.MAX_VALUE;
            for (int step = 0; step < steps; step++) {
                long start = System.nanoTime();
                network.forward(batch);
                long forward = System.nanoTime();
                network.backward(weights);
                long backward = System.nanoTime();
                optimizer.step(1e-3f);
                long end = System.nanoTime();
                double seconds = (end - start) / 1e9;
                best = Math.min(best, seconds);
                System.out.printf(Locale.ROOT,
                        "forward %.0f backward %.0f AdamW %.0f ms, %.0f tokens/s, %.1f GFLOP/s%n",
                        (forward - start) / 1e6, (backward - forward) / 1e6, (end - backward) / 1e6, TOKENS / seconds,
                        flops / seconds / 1e9);
            }
            System.out.printf(Locale.ROOT, "best: %.0f tokens/s, %.1f GFLOP/s%n", TOKENS / best, flops / best / 1e9);
        }
    }

    private static TokenBatch batch(double learnedShare) {
        Random random = new Random(2);
        int[] tokens = random.ints(TOKENS, 0, VOCABULARY).toArray();
        boolean[] learned = new boolean[TOKENS];
        for (int i = 0; i < TOKENS; i++) {
            learned[i] = random.nextDouble() < learnedShare;
        }
        int[] lengths = {60, 90, 120, 150, 180, 220, 260, 300, 340, 380, 420, 460, 500};
        int[] starts = new int[lengths.length + 1];
        for (int i = 0; i < lengths.length; i++) {
            starts[i + 1] = starts[i] + lengths[i];
        }
        return new TokenBatch(tokens, starts, learned);
    }

    /** Multiplications and additions of the products that a step cannot do without; a masked score is not one of them. */
    private static double flops(NetworkShape shape, TokenBatch batch) {
        double hidden = shape.hidden();
        double matrices = hidden * (2.0 * shape.queryWidth() + 2.0 * shape.kvWidth() + 3.0 * shape.ffn());
        double total = 6.0 * TOKENS * shape.layers() * matrices;
        int predictions = 0;
        for (int sequence = 0; sequence < batch.starts().length; sequence++) {
            double length = batch.end(sequence) - batch.starts()[sequence];
            total += 6.0 * shape.layers() * shape.queryWidth() * length * (length + 1);
            for (int i = batch.starts()[sequence] + 1; i < batch.end(sequence); i++) {
                predictions += batch.learned()[i] ? 1 : 0;
            }
        }
        return total + 6.0 * predictions * shape.vocabSize() * hidden;
    }
}
