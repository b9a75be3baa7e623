package io.millrace.training.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.kernels.WorkerPool;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a network can do before it has learned anything. */
class InductionHeadsTest {
    private static final int VOCABULARY = 1000;

    @ParameterizedTest
    @CsvSource({"4, 128, 4, 2, 40", "4, 128, 4, 2, 350", "6, 192, 4, 2, 350", "2, 128, 2, 2, 200"})
    void whatStoodBeforeIsContinuedAsItWentOn(int layers, int hidden, int heads, int kvHeads, int period) {
        NetworkShape shape = new NetworkShape(VOCABULARY, layers, hidden, 256, heads, kvHeads, 64, 500_000, 1e-5f);

        double[] losses = losses(Parameters.withInductionHeads(shape, 11), period);

        assertThat(losses[0]).as("what is new").isGreaterThan(Math.log(VOCABULARY));
        assertThat(losses[1]).as("what comes again").isLessThan(Math.log(VOCABULARY) / 2);
    }

    @Test
    void withoutThemItIsAllNew() {
        NetworkShape shape = new NetworkShape(VOCABULARY, 4, 128, 256, 4, 2, 64, 500_000, 1e-5f);

        assertThat(losses(Parameters.random(shape, 11), 40)[1]).isGreaterThan(0.9 * Math.log(VOCABULARY));
    }

    @Test
    void equalSeedsGiveEqualParameters() {
        NetworkShape shape = new NetworkShape(VOCABULARY, 2, 64, 64, 2, 1, 32, 500_000, 1e-5f);
        Parameters parameters = Parameters.withInductionHeads(shape, 11);

        assertThat(values(parameters)).isDeepEqualTo(values(Parameters.withInductionHeads(shape, 11)));
        assertThat(Arrays.deepEquals(values(parameters), values(Parameters.withInductionHeads(shape, 12)))).isFalse();
    }

    private static float[][] values(Parameters parameters) {
        return parameters.all().stream().map(Parameter::values).toArray(float[][]::new);
    }

    /** The mean loss of the first time that random tokens come, and of the second. */
    private static double[] losses(Parameters parameters, int period) {
        Random random = new Random(5);
        int[] once = random.ints(period, 0, VOCABULARY).toArray();
        int[] twice = Arrays.copyOf(once, 2 * period);
        System.arraycopy(once, 0, twice, period, period);
        boolean[] learned = new boolean[twice.length];
        Arrays.fill(learned, true);
        try (WorkerPool workers = new WorkerPool(1)) {
            float[] logProbabilities = new Network(parameters, twice.length, workers)
                    .forward(new TokenBatch(twice, new int[]{0}, learned));
            double[] losses = new double[2];
            for (int i = 1; i < period; i++) {
                losses[0] -= logProbabilities[i] / (period - 1);
                losses[1] -= logProbabilities[period + i] / (period - 1);
            }
            return losses;
        }
    }
}
