package io.millrace.training.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.training.run.Sampled.Candidate;
import io.millrace.training.tokens.TrainingSequence;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.junit.jupiter.api.Test;

class AcceptedAnswersTest {
    private static final int[] CONTEXT = {1, 2};
    private static final int[] REFERENCE = {9, 9};
    private static final Candidate RIGHT = new Candidate(new int[]{5, 6}, true);
    private static final Candidate WRONG = new Candidate(new int[]{7}, false);

    @Test
    void aRightAnswerIsLearnedAndAWrongOneIsNot() {
        List<TrainingSequence> accepted = AcceptedAnswers
                .of(List.of(new Sampled(CONTEXT, REFERENCE, List.of(WRONG, RIGHT))), 1);

        assertThat(accepted).singleElement().satisfies(sequence -> {
            assertThat(sequence.tokens()).containsExactly(1, 2, 5, 6);
            assertThat(sequence.weights()).containsExactly(0, 0, 1, 1);
        });
    }

    @Test
    void theReferenceAnswersWhatTheModelNeverAnswersRightly() {
        List<TrainingSequence> accepted = AcceptedAnswers
                .of(List.of(new Sampled(CONTEXT, REFERENCE, List.of(WRONG, WRONG))), 1);

        assertThat(accepted).singleElement()
                .satisfies(sequence -> assertThat(sequence.tokens()).containsExactly(1, 2, 9, 9));
    }

    @Test
    void whatTheModelAlwaysAnswersRightlyIsLearnedLessOften() {
        List<Sampled> easy = Collections.nCopies(400, new Sampled(CONTEXT, REFERENCE, List.of(RIGHT, RIGHT)));

        assertThat(AcceptedAnswers.of(easy, 1)).hasSizeBetween(60, 140);
        assertThat(AcceptedAnswers.of(easy, 1)).hasSameSizeAs(AcceptedAnswers.of(easy, 1));
    }

    @Test
    void acceptedAnswersAlternateWithFreshSequencesRoundAndRound() {
        TrainingSequence fresh = AcceptedAnswers.sequence(new int[]{0}, new int[]{0});
        TrainingSequence first = AcceptedAnswers.sequence(CONTEXT, new int[]{3});
        TrainingSequence second = AcceptedAnswers.sequence(CONTEXT, new int[]{4});

        Iterator<TrainingSequence> mixed = AcceptedAnswers.among(List.of(first, second),
                Collections.nCopies(10, fresh).iterator());

        for (TrainingSequence expected : List.of(fresh, first, fresh, second, fresh, first)) {
            assertThat(mixed.next()).isSameAs(expected);
        }
    }
}
