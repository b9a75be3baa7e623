package io.millrace.training.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.millrace.runtime.kernels.WorkerPool;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkTest {
    private static final int MAX_TOKENS = 600;
    private static final TokenBatch BATCH = SmallNetwork.batch(1);

    @Test
    void onlyLearnedTokensBehindTheFirstOfASequenceHaveALogProbability() {
        float[] logProbabilities = forward(SmallNetwork.parameters(2), BATCH);
        List<Integer> starts = Arrays.stream(BATCH.starts()).boxed().toList();
        for (int i = 0; i < logProbabilities.length; i++) {
            if (BATCH.learned()[i] && !starts.contains(i)) {
                assertThat(logProbabilities[i]).isNegative().isGreaterThan(-20);
            } else {
                assertThat(logProbabilities[i]).isZero();
            }
        }
    }

    @Test
    void theProbabilitiesOfAllNextTokensAddUpToOne() {
        Parameters parameters = SmallNetwork.parameters(2);
        double sum = 0;
        for (int next = 0; next < SmallNetwork.SHAPE.vocabSize(); next++) {
            float[] logProbabilities = forward(parameters,
                    new TokenBatch(new int[]{3, 14, 15, next}, new int[]{0}, new boolean[]{false, false, false, true}));
            sum += Math.exp(logProbabilities[3]);
        }
        assertThat(sum).isBetween(1 - 1e-5, 1 + 1e-5);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void theThreadsDoNotChangeABit(int threads) {
        assertThat(train(threads, 7)).isEqualTo(train(1, 7));
    }

    @Test
    void anotherSeedGivesOtherParameters() {
        assertThat(train(1, 8)).isNotEqualTo(train(1, 7));
    }

    @Test
    void aSequenceDoesNotSeeTheOthersInItsBatch() {
        Parameters parameters = SmallNetwork.parameters(2);
        float[] together = forward(parameters, BATCH);
        for (int sequence = 0; sequence < BATCH.starts().length; sequence++) {
            int start = BATCH.starts()[sequence];
            int end = BATCH.end(sequence);
            TokenBatch alone = new TokenBatch(Arrays.copyOfRange(BATCH.tokens(), start, end), new int[]{0},
                    Arrays.copyOfRange(BATCH.learned(), start, end));
            assertThat(forward(parameters, alone)).isEqualTo(Arrays.copyOfRange(together, start, end));
        }
    }

    @Test
    void aTokenDoesNotSeeThoseAfterIt() {
        Parameters parameters = SmallNetwork.parameters(2);
        float[] expected = forward(parameters, BATCH);
        TokenBatch other = new TokenBatch(BATCH.tokens().clone(), BATCH.starts(), BATCH.learned());
        int changed = 60;
        other.tokens()[changed] = (other.tokens()[changed] + 1) % SmallNetwork.SHAPE.vocabSize();
        float[] actual = forward(parameters, other);
        assertThat(Arrays.copyOf(actual, changed)).isEqualTo(Arrays.copyOf(expected, changed));
        assertThat(actual[changed + 1]).isNotEqualTo(expected[changed + 1]);
    }

    @Test
    void whatALargerBatchLeftBehindDoesNotMatter() {
        Parameters parameters = SmallNetwork.parameters(2);
        TokenBatch small = new TokenBatch(new int[]{1, 2, 3, 4, 5}, new int[]{0},
                new boolean[]{true, true, true, true, true});
        float[] weights = {0, 1, 1, 1, 1};
        try (WorkerPool workers = new WorkerPool(1)) {
            Network network = new Network(parameters, MAX_TOKENS, workers);
            network.forward(small);
            network.backward(weights);
            List<float[]> expected = takeGradients(parameters);
            network.forward(BATCH);
            network.backward(SmallNetwork.weights(BATCH, 1));
            takeGradients(parameters);
            network.forward(small);
            network.backward(weights);
            assertThat(takeGradients(parameters)).usingRecursiveFieldByFieldElementComparator().isEqualTo(expected);
        }
    }

    @Test
    void oneBatchIsLearnedByHeart() {
        Parameters parameters = Parameters.random(SmallNetwork.SHAPE, 9);
        TokenBatch batch = SmallNetwork.batch(10);
        float[] weights = new float[batch.tokens().length];
        Arrays.fill(weights, 1f / weights.length);
        try (WorkerPool workers = new WorkerPool(2)) {
            Network network = new Network(parameters, MAX_TOKENS, workers);
            Optimizer optimizer = new Optimizer(parameters, new Optimizer.Options(0.9f, 0.95f, 1e-8f, 0.95f, 0, 1),
                    workers);
            double before = SmallNetwork.loss(network.forward(batch), weights);
            network.backward(weights);
            for (int step = 0; step < 200; step++) {
                optimizer.step(0.01f);
                network.forward(batch);
                network.backward(weights);
            }
            assertThat(before).isGreaterThan(2);
            assertThat(SmallNetwork.loss(network.forward(batch), weights)).isLessThan(0.01);
        }
    }

    @Test
    void aBatchThatDoesNotFitIsRefused() {
        try (WorkerPool workers = new WorkerPool(1)) {
            Network network = new Network(SmallNetwork.parameters(1), 4, workers);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> network
                            .forward(new TokenBatch(new int[5], new int[]{0}, new boolean[5])))
                    .withMessage("tokens: a batch of 5, but the network was made for 4");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> network.forward(new TokenBatch(new int[]{0, 37}, new int[]{0}, new boolean[2])))
                    .withMessage("tokens: 37 at 1 is not in the vocabulary of 37");
        }
    }

    @Test
    void aBackwardPassNeedsAForwardPassOfItsOwn() {
        try (WorkerPool workers = new WorkerPool(1)) {
            Network network = new Network(SmallNetwork.parameters(1), 4, workers);
            assertThatIllegalStateException().isThrownBy(() -> network.backward(new float[2]));
            network.forward(new TokenBatch(new int[2], new int[]{0}, new boolean[]{false, true}));
            assertThatIllegalArgumentException().isThrownBy(() -> network.backward(new float[3]))
                    .withMessage("weights: 3 for 2 tokens; give one for each");
            network.backward(new float[2]);
            assertThatIllegalStateException().isThrownBy(() -> network.backward(new float[2]));
        }
    }

    private static List<float[]> takeGradients(Parameters parameters) {
        List<float[]> gradients = parameters.all().stream().map(parameter -> parameter.gradients().clone()).toList();
        parameters.all().forEach(parameter -> Arrays.fill(parameter.gradients(), 0));
        return gradients;
    }

    private static float[] forward(Parameters parameters, TokenBatch batch) {
        try (WorkerPool workers = new WorkerPool(1)) {
            return new Network(parameters, MAX_TOKENS, workers).forward(batch);
        }
    }

    /** The bits of all parameters after a few steps. */
    private static List<Integer> train(int threads, long seed) {
        Parameters parameters = Parameters.random(SmallNetwork.SHAPE, seed);
        try (WorkerPool workers = new WorkerPool(threads)) {
            Network network = new Network(parameters, MAX_TOKENS, workers);
            Optimizer optimizer = new Optimizer(parameters, Optimizer.Options.defaults(), workers);
            for (int step = 0; step < 3; step++) {
                // Several blocks of tokens, so that there is something to divide.
                TokenBatch batch = repeated(SmallNetwork.batch(step), 7);
                network.forward(batch);
                network.backward(SmallNetwork.weights(batch, step));
                optimizer.step(0.01f);
            }
        }
        return parameters.all().stream().map(parameter -> Arrays.hashCode(parameter.values())).toList();
    }

    private static TokenBatch repeated(TokenBatch batch, int times) {
        int length = batch.tokens().length;
        int[] tokens = new int[times * length];
        int[] starts = new int[times * batch.starts().length];
        boolean[] learned = new boolean[tokens.length];
        for (int i = 0; i < times; i++) {
            System.arraycopy(batch.tokens(), 0, tokens, i * length, length);
            System.arraycopy(batch.learned(), 0, learned, i * length, length);
            for (int sequence = 0; sequence < batch.starts().length; sequence++) {
                starts[i * batch.starts().length + sequence] = i * length + batch.starts()[sequence];
            }
        }
        return new TokenBatch(tokens, starts, learned);
    }
}
