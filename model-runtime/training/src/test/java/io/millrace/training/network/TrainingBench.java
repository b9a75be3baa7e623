package io.millrace.training.network;

import io.millrace.runtime.kernels.WorkerPool;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import jdk.incubator.vector.FloatVector;

/**
 * Times steps of training: forward, backward, optimiser. Arguments: hidden, layers, ffn, threads, steps, share of the tokens that
 * are learned. See {@code README.md} beside it.
 */
final class TrainingBench {
    private static final int VOCABULARY = 4096;
    private static final int TOKENS = 4096;
    private static final int CHAINS = 10;

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
            Optimizer optimizer = new Optimizer(parameters, Optimizer.Options.defaults(), workers);
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
                        "forward %.0f backward %.0f optimiser %.0f ms, %.0f tokens/s, %.1f GFLOP/s%n",
                        (forward - start) / 1e6, (backward - forward) / 1e6, (end - backward) / 1e6, TOKENS / seconds,
                        flops / seconds / 1e9);
            }
            double limit = threads * peak();
            System.out.printf(Locale.ROOT,
                    "best: %.0f tokens/s, %.1f GFLOP/s, %.0f%% of the %.0f that the cores can multiply and add%n",
                    TOKENS / best, flops / best / 1e9, 100 * flops / best / limit, limit / 1e9);
        }
    }

    /** Floating-point operations a second of one core that does nothing but fused multiply-adds in registers. */
    private static double peak() {
        int rounds = 10_000_000;
        float[] seeds = {0.5f, 0.25f};
        double best = 0;
        float kept = 0;
        for (int attempt = 0; attempt < 8; attempt++) {
            long start = System.nanoTime();
            kept += multiplyAndAdd(rounds, seeds);
            best = Math.max(best, 2.0 * CHAINS * Lanes.LENGTH * rounds / ((System.nanoTime() - start) / 1e9));
        }
        if (!Float.isFinite(kept)) {
            throw new IllegalStateException("multiply-adds gave " + kept);
        }
        return best;
    }

    /** As many chains as it takes for none to wait for itself. */
    private static float multiplyAndAdd(int rounds, float[] seeds) {
        FloatVector x = FloatVector.broadcast(Lanes.FLOATS, seeds[0]);
        FloatVector y = FloatVector.broadcast(Lanes.FLOATS, seeds[1]);
        FloatVector a = x;
        FloatVector b = x;
        FloatVector c = x;
        FloatVector d = x;
        FloatVector e = x;
        FloatVector f = x;
        FloatVector g = x;
        FloatVector h = x;
        FloatVector i = x;
        FloatVector j = x;
        for (int round = 0; round < rounds; round++) {
            a = a.fma(y, x);
            b = b.fma(y, x);
            c = c.fma(y, x);
            d = d.fma(y, x);
            e = e.fma(y, x);
            f = f.fma(y, x);
            g = g.fma(y, x);
            h = h.fma(y, x);
            i = i.fma(y, x);
            j = j.fma(y, x);
        }
        return a.add(b).add(c).add(d).add(e).add(f).add(g).add(h).add(i).add(j).lane(0);
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
