package io.millrace.training.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.millrace.training.network.TokenBatch;
import io.millrace.training.tokens.TrainingSequence;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class BatchStreamTest {

    @Test
    void sequencesFillABatchAndTheOneThatDoesNotFitBeginsTheNext() {
        BatchStream batches = new BatchStream(sequences(3, 4, 5, 2).iterator(), 8, 0);

        TokenBatch first = batches.next().sequences();
        assertThat(first.starts()).containsExactly(0, 3);
        assertThat(first.tokens()).containsExactly(3, 3, 3, 4, 4, 4, 4);
        assertThat(first.learned()).containsExactly(false, true, true, false, true, true, true);
        assertThat(batches.next().sequences().starts()).containsExactly(0, 5);
        assertThat(batches.hasNext()).isFalse();
    }

    @Test
    void weightsAreSharesOfTheBatch() {
        BatchStream batches = new BatchStream(List.of(new TrainingSequence(new int[]{1, 2, 3}, new float[]{0, 0, 3}),
                new TrainingSequence(new int[]{4, 5}, new float[]{0, 1})).iterator(), 8, 0);

        BatchStream.Batch batch = batches.next();

        assertThat(batch.weights()).containsExactly(0, 0, 0.75f, 0, 0.25f);
        assertThat(batch.sequences().learned()).containsExactly(false, false, true, false, true);
    }

    @Test
    void goesOnAfterWhatWasConsumed() {
        BatchStream whole = new BatchStream(sequences(3, 4, 5, 2).iterator(), 8, 0);
        whole.next();

        BatchStream resumed = new BatchStream(sequences(3, 4, 5, 2).iterator(), 8, whole.consumed());

        assertThat(whole.consumed()).isEqualTo(2);
        assertThat(resumed.next().sequences().tokens()).containsExactly(whole.next().sequences().tokens());
        assertThat(resumed.consumed()).isEqualTo(whole.consumed());
    }

    @Test
    void aSequenceLongerThanABatchIsRefused() {
        BatchStream batches = new BatchStream(sequences(9).iterator(), 8, 0);

        assertThatIllegalArgumentException().isThrownBy(batches::next)
                .withMessage("a sequence of 9 tokens does not fit into a batch of 8");
    }

    /** Sequences of these lengths, all of whose tokens are their length. */
    private static List<TrainingSequence> sequences(int... lengths) {
        return Arrays.stream(lengths).mapToObj(length -> {
            int[] tokens = new int[length];
            Arrays.fill(tokens, length);
            boolean[] learned = new boolean[length];
            Arrays.fill(learned, 1, length, true);
            return new TrainingSequence(tokens, learned);
        }).toList();
    }
}
