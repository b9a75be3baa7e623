package io.millrace.runtime.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplerTest {
    private static final int DRAWS = 20_000;

    /** 0.4, 0.3, 0.15, 0.1, 0.05, but not in this order of ids. */
    private static final double[] PROBABILITIES = {0.1, 0.4, 0.05, 0.3, 0.15};

    @Test
    void greedyTakesTheHighestLogitAndTheLowerIdOfTies() {
        assertThat(greedy(1, 5, 3, 5)).isEqualTo(1);
        assertThat(greedy(-1, -1, -1)).isEqualTo(0);
        assertThat(greedy(Float.NaN, -7, Float.NEGATIVE_INFINITY, -6, Float.POSITIVE_INFINITY)).isEqualTo(3);
    }

    @Test
    void leavesTheRowUnchanged() {
        float[] row = {1, 2, 3};
        SamplingParameters parameters = new SamplingParameters(0, 0, 1, 0, 2, 1, 1, Map.of(0, 1f), 0);
        assertThat(new Sampler(3).sample(row, parameters, new int[]{1, 1}, 2, 1, 2)).isEqualTo(2);
        assertThat(row).containsExactly(1, 2, 3);
    }

    @Test
    void drawsByTheSoftmaxOfTheLogits() {
        assertDistribution(sampling(1, 0, 1, 0), PROBABILITIES);
    }

    @Test
    void temperatureDividesTheLogits() {
        // softmax(log(p) / 0.5) is p squared, normalized: the sum of squares is 0.285.
        assertDistribution(sampling(0.5f, 0, 1, 0), 0.01 / 0.285, 0.16 / 0.285, 0.0025 / 0.285, 0.09 / 0.285,
                0.0225 / 0.285);
    }

    @Test
    void topKKeepsTheKMostLikely() {
        assertDistribution(sampling(1, 2, 1, 0), 0, 0.4 / 0.7, 0, 0.3 / 0.7, 0);
        assertDistribution(sampling(1, 5, 1, 0), PROBABILITIES);
        assertDistribution(sampling(1, 500, 1, 0), PROBABILITIES);
    }

    @Test
    void topPKeepsTheTokenThatCrosses() {
        assertDistribution(sampling(1, 0, 0.35f, 0), 0, 1, 0, 0, 0);
        assertDistribution(sampling(1, 0, 0.45f, 0), 0, 0.4 / 0.7, 0, 0.3 / 0.7, 0);
        assertDistribution(sampling(1, 0, 0.8f, 0), 0, 0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85);
        assertDistribution(sampling(1, 0, 0.99f, 0), PROBABILITIES);
        assertDistribution(sampling(1, 0, Float.MIN_VALUE, 0), 0, 1, 0, 0, 0);
    }

    @Test
    void topPRefersToWhatTopKKept() {
        // Of 0.4 and 0.3 the first has 0.57: 0.5 stops there, though it would not among all five.
        assertDistribution(sampling(1, 2, 0.5f, 0), 0, 1, 0, 0, 0);
        assertDistribution(sampling(1, 3, 0.6f, 0), 0, 0.4 / 0.7, 0, 0.3 / 0.7, 0);
    }

    @Test
    void minPKeepsTokensByTheirRatioToTheBest() {
        assertDistribution(sampling(1, 0, 1, 0.3f), 0, 0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85);
        assertDistribution(sampling(1, 0, 1, 1), 0, 1, 0, 0, 0);
        assertDistribution(sampling(1, 4, 1, 0.3f), 0, 0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85);
    }

    @Test
    void truncationKeepsTheLowerIdsOfTies() {
        float[] logits = {1, 2, 2, 2, 1};
        assertThat(drawn(logits, sampling(1, 2, 1, 0))).containsExactly(1, 2);
        assertThat(drawn(logits, sampling(1, 4, 1, 0))).containsExactly(0, 1, 2, 3);
        assertThat(drawn(new float[5], sampling(1, 0, 0.5f, 0))).containsExactly(0, 1, 2);
    }

    @Test
    void repetitionPenaltyCoversPromptAndGeneratedTokensOnce() {
        SamplingParameters penalty = new SamplingParameters(0, 0, 1, 0, 2, 0, 0, Map.of(), 0);
        // 6 / 2 = 3 < 3.5 < 4, however often token 0 occurred; a negative logit is multiplied.
        assertThat(sample(penalty, new int[]{0, 0, 0}, 3, 6, 3.5f, 2)).isEqualTo(1);
        assertThat(sample(penalty, new int[]{0, 0, 0}, 3, 6, 2.5f, 2)).isEqualTo(0);
        assertThat(sample(penalty, new int[]{1, 0}, 1, 6, 5, 2.9f)).isEqualTo(0);
        assertThat(sample(penalty, new int[]{0}, 1, -1, -1.5f, -2.5f)).isEqualTo(1);
    }

    @Test
    void presencePenaltyCountsOnceAndOnlyGeneratedTokens() {
        SamplingParameters penalty = new SamplingParameters(0, 0, 1, 0, 1, 1, 0, Map.of(), 0);
        assertThat(sample(penalty, new int[]{2, 0, 0, 0}, 1, 5, 3.9f, 4.5f)).isEqualTo(2);
        assertThat(sample(penalty, new int[]{2, 0, 0, 0}, 1, 5, 3.9f, 3.9f)).isEqualTo(0);
    }

    @Test
    void frequencyPenaltyCountsEveryGeneratedToken() {
        SamplingParameters penalty = new SamplingParameters(0, 0, 1, 0, 1, 0, 0.5f, Map.of(), 0);
        assertThat(sample(penalty, new int[]{2, 2, 2, 0, 0, 0}, 3, 5, 3.6f, 3)).isEqualTo(1);
        assertThat(sample(penalty, new int[]{2, 2, 2, 0, 0, 0}, 3, 5, 3.4f, 3)).isEqualTo(0);
    }

    @Test
    void penaltiesOfOneCallDoNotReachTheNext() {
        SamplingParameters penalty = new SamplingParameters(0, 0, 1, 0, 2, 1, 1, Map.of(), 0);
        Sampler sampler = new Sampler(2);
        float[] logits = {2, 1.5f};
        assertThat(sampler.sample(logits, penalty, new int[]{0, 0}, 2, 1, 2)).isEqualTo(1);
        assertThat(sampler.sample(logits, penalty, new int[]{1, 1}, 2, 1, 2)).isEqualTo(0);
        assertThat(sampler.sample(logits, penalty, new int[0], 0, 0, 0)).isEqualTo(0);
    }

    @Test
    void logitBiasIsAddedToItsTokens() {
        SamplingParameters bias = new SamplingParameters(0, 0, 1, 0, 1, 0, 0, Map.of(2, 1.5f, 0, -100f), 0);
        assertThat(sample(bias, new int[]{0}, 1, 9, 2, 1)).isEqualTo(2);
    }

    @Test
    void aDrawIsAFunctionOfSeedPositionAndLogits() {
        float[] logits = randomLogits(1000, 1);
        SamplingParameters a = new SamplingParameters(0.8f, 40, 0.95f, 0.01f, 1, 0, 0, Map.of(), 11);
        SamplingParameters b = new SamplingParameters(0.8f, 40, 0.95f, 0.01f, 1, 0, 0, Map.of(), 12);
        Sampler used = new Sampler(1000);
        int differences = 0;
        for (int position = 0; position < 500; position++) {
            int first = used.sample(logits, a, new int[0], 0, 0, position);
            differences += used.sample(logits, b, new int[0], 0, 0, position) == first ? 0 : 1;
            assertThat(new Sampler(1000).sample(logits, a, new int[0], 0, 0, position)).isEqualTo(first);
        }
        assertThat(differences).isGreaterThan(250);
    }

    @ParameterizedTest
    @CsvSource({"0, 1, 0", "0, 0.9, 0", "0, 0.9, 0.05", "40, 1, 0", "40, 0.9, 0", "300, 0.7, 0.02", "0, 1, 0.1",
            "2500, 0.999, 0", "1, 0.5, 0.5", "0, 0.3, 0"})
    void drawsWhatSortingTheWholeVocabularyDraws(int topK, float topP, float minP) {
        for (int seed = 0; seed < 6; seed++) {
            float[] logits = randomLogits(2000, seed);
            SamplingParameters parameters = sampling(1, topK, topP, minP);
            Sampler sampler = new Sampler(logits.length);
            for (int position = 0; position < 30; position++) {
                assertThat(sampler.sample(logits, parameters, new int[0], 0, 0, position))
                        .isEqualTo(drawBySorting(logits, parameters, position));
            }
        }
    }

    @Test
    void allocatesNothing() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        float[] logits = randomLogits(2000, 1);
        int[] tokens = {1, 2, 3, 1, 2, 3};
        SamplingParameters parameters = new SamplingParameters(0.8f, 40, 0.9f, 0.01f, 1.1f, 0.2f, 0.3f, Map.of(), 1);
        Sampler sampler = new Sampler(2000);
        Logprobs logprobs = new Logprobs(2000);
        sampler.sample(logits, parameters, tokens, 6, 3, 6);
        logprobs.of(logits, 20);
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int position = 0; position < 1000; position++) {
            sampler.sample(logits, parameters, tokens, 6, 3, position);
            logprobs.of(logits, 20);
        }
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(1000);
    }

    @Test
    void failsWhenNoLogitIsFinite() {
        assertThatExceptionOfType(NoFiniteLogitsException.class)
                .isThrownBy(() -> sample(sampling(1, 0, 0.9f, 0), new int[41], 41, Float.NaN, Float.POSITIVE_INFINITY))
                .withMessageContaining("no finite logits for position 41");
    }

    @Test
    void neverDrawsLogitsThatAreNotFinite() {
        float[] logits = {Float.NaN, 1, Float.NEGATIVE_INFINITY, 1, Float.POSITIVE_INFINITY};
        assertThat(drawn(logits, sampling(1, 0, 1, 0))).containsExactly(1, 3);
        assertThat(drawn(logits, sampling(100, 3, 0.99f, 0))).containsExactly(1, 3);
        assertThat(drawn(new float[]{3e38f, -3e38f}, sampling(0.01f, 0, 1, 0))).containsExactly(0);
    }

    @Test
    void parametersNameTheFieldThatIsWrong() {
        assertThatExceptionOfType(IllegalArgumentException.class).isThrownBy(() -> sampling(Float.NaN, 0, 1, 0))
                .withMessage("temperature: NaN is not between 0 and 100");
        assertThatExceptionOfType(IllegalArgumentException.class).isThrownBy(() -> sampling(1, 0, 0, 0))
                .withMessageStartingWith("top_p: 0.0");
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> new SamplingParameters(1, 0, 1, 0, 1, 0, 0, Map.of(5, Float.NaN), 0))
                .withMessage("logit_bias of token 5: NaN is not between -100 and 100");
    }

    /** By definition: sort everything by probability, cut, normalize, and go along the cumulative sum. */
    private static int drawBySorting(float[] logits, SamplingParameters parameters, int position) {
        double[] p = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            p[i] = Math.exp(logits[i] / parameters.temperature());
            sum += p[i];
        }
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < p.length; i++) {
            p[i] /= sum;
            order.add(i);
        }
        boolean truncated = parameters.topK() > 0 || parameters.topP() < 1 || parameters.minP() > 0;
        if (truncated) {
            order.sort((a, b) -> p[a] == p[b] ? Integer.compare(a, b) : Double.compare(p[b], p[a]));
        }
        int k = parameters.topK() == 0 ? p.length : Math.min(parameters.topK(), p.length);
        double mass = order.stream().limit(k).mapToDouble(i -> p[i]).sum();
        List<Integer> kept = new ArrayList<>();
        double cumulative = 0;
        for (int i = 0; i < k && (cumulative / mass < parameters.topP() || parameters.topP() == 1); i++) {
            cumulative += p[order.get(i)];
            if (!truncated || p[order.get(i)] >= parameters.minP() * p[order.get(0)]) {
                kept.add(order.get(i));
            }
        }
        double target = Philox.uniform(parameters.seed(), position) * kept.stream().mapToDouble(i -> p[i]).sum();
        for (int token : kept) {
            target -= p[token];
            if (target < 0) {
                return token;
            }
        }
        throw new AssertionError("rounding");
    }

    private static void assertDistribution(SamplingParameters parameters, double... expected) {
        float[] logits = new float[PROBABILITIES.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(PROBABILITIES[i]);
        }
        Sampler sampler = new Sampler(logits.length);
        int[] drawn = new int[logits.length];
        for (int position = 0; position < DRAWS; position++) {
            drawn[sampler.sample(logits, parameters, new int[0], 0, 0, position)]++;
        }
        double chiSquare = 0;
        for (int i = 0; i < drawn.length; i++) {
            if (expected[i] == 0) {
                assertThat(drawn[i]).as("draws of token %d", i).isZero();
            } else {
                double mean = expected[i] * DRAWS;
                chiSquare += (drawn[i] - mean) * (drawn[i] - mean) / mean;
            }
        }
        // At most 4 degrees of freedom: a right sampler exceeds 23.5 for 1 seed in 10,000, and this seed is fixed.
        assertThat(chiSquare).isLessThan(23.5);
    }

    private static Set<Integer> drawn(float[] logits, SamplingParameters parameters) {
        Sampler sampler = new Sampler(logits.length);
        Set<Integer> drawn = new TreeSet<>();
        for (int position = 0; position < 1000; position++) {
            drawn.add(sampler.sample(logits, parameters, new int[0], 0, 0, position));
        }
        return drawn;
    }

    private static SamplingParameters sampling(float temperature, int topK, float topP, float minP) {
        return new SamplingParameters(temperature, topK, topP, minP, 1, 0, 0, Map.of(), 5);
    }

    private static int greedy(float... logits) {
        return sample(SamplingParameters.GREEDY, new int[0], 0, logits);
    }

    private static int sample(SamplingParameters parameters, int[] tokens, int promptTokens, float... logits) {
        return new Sampler(logits.length).sample(logits, parameters, tokens, tokens.length, promptTokens,
                tokens.length);
    }

    private static float[] randomLogits(int vocabulary, long seed) {
        Random random = new Random(seed);
        float[] logits = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
            logits[i] = 3 * (float) random.nextGaussian();
        }
        return logits;
    }
}
