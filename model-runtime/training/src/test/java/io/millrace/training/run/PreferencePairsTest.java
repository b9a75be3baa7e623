package io.millrace.training.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.training.network.Network;
import io.millrace.training.network.NetworkShape;
import io.millrace.training.network.Optimizer;
import io.millrace.training.network.Parameters;
import io.millrace.training.run.Sampled.Candidate;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PreferencePairsTest {
    private static final TrainingPlan.Preference PLAN = new TrainingPlan.Preference(0.1f, 0.2f);
    private static final int[] CONTEXT = {1, 2, 3};
    private static final int[] REFERENCE = {4, 5, 6};
    private static final Candidate RIGHT = new Candidate(new int[]{7, 8}, true);
    private static final Candidate WRONG = new Candidate(new int[]{9, 10, 11}, false);

    private final WorkerPool pool = new WorkerPool(1);
    private final Parameters parameters = Parameters
            .random(new NetworkShape(32, 1, 32, 32, 2, 1, 16, 10_000f, 1e-5f), 1);
    private final Network network = new Network(parameters, 64, pool);

    @AfterEach
    void close() {
        pool.close();
    }

    @Test
    void aRightCandidateIsPreferredToAWrongOne() {
        PreferencePairs pairs = pairs(new Sampled(CONTEXT, REFERENCE, List.of(WRONG, RIGHT)));

        assertThat(pairs.batch(0, 64)).singleElement().satisfies(pair -> {
            assertThat(pair.chosen().tokens()).containsExactly(1, 2, 3, 7, 8);
            assertThat(pair.rejected().tokens()).containsExactly(1, 2, 3, 9, 10, 11);
        });
    }

    @Test
    void theReferenceIsPreferredWhereEveryCandidateIsWrong() {
        PreferencePairs pairs = pairs(new Sampled(CONTEXT, REFERENCE, List.of(WRONG, WRONG)));

        assertThat(pairs.batch(0, 64)).singleElement()
                .satisfies(pair -> assertThat(pair.chosen().tokens()).containsExactly(1, 2, 3, 4, 5, 6));
    }

    @Test
    void promptsWithoutAWrongAnswerMakeNoPair() {
        assertThat(pairs(new Sampled(CONTEXT, REFERENCE, List.of(RIGHT, RIGHT))).size()).isZero();
    }

    @Test
    void batchesGoRoundAndHoldAtLeastOnePair() {
        Sampled prompt = new Sampled(CONTEXT, REFERENCE, List.of(WRONG, RIGHT));
        PreferencePairs pairs = pairs(prompt, prompt, prompt);

        assertThat(pairs.batch(2, 22)).hasSize(2);
        assertThat(pairs.batch(0, 1)).hasSize(1);
        assertThat(pairs.batch(0, 1000)).hasSize(3);
    }

    @Test
    void learningRaisesTheRightAnswerOverTheWrongOne() {
        PreferencePairs pairs = pairs(new Sampled(CONTEXT, REFERENCE, List.of(WRONG, RIGHT)));
        Optimizer optimizer = new Optimizer(parameters, Optimizer.Options.defaults(), pool);
        List<PreferencePairs.Pair> batch = pairs.batch(0, 64);

        double first = pairs.learn(network, batch);
        double chosenAtFirst = logprob(batch.getFirst().chosen().tokens());
        double rejectedAtFirst = logprob(batch.getFirst().rejected().tokens());
        optimizer.step(1e-3f);
        double second = Double.NaN;
        for (int i = 0; i < 20; i++) {
            second = pairs.learn(network, batch);
            optimizer.step(1e-3f);
        }

        // At the start nothing was gained, so the preference's part is log 2.
        assertThat(first).isCloseTo(Math.log(2) - PLAN.likelihood() * chosenAtFirst / 2, within(1e-4));
        assertThat(second).isLessThan(first);
        assertThat(logprob(batch.getFirst().chosen().tokens())).isGreaterThan(chosenAtFirst);
        assertThat(logprob(batch.getFirst().rejected().tokens())).isLessThan(rejectedAtFirst);
    }

    private PreferencePairs pairs(Sampled... sampled) {
        return PreferencePairs.of(List.of(sampled), PLAN, network, 1);
    }

    private double logprob(int[] tokens) {
        double sum = 0;
        int[] context = Arrays.copyOf(tokens, CONTEXT.length);
        int[] answer = Arrays.copyOfRange(tokens, CONTEXT.length, tokens.length);
        for (float logprob : network
                .forward(BatchStream.batch(List.of(AcceptedAnswers.sequence(context, answer))))) {
            sum += logprob;
        }
        return sum;
    }
}
