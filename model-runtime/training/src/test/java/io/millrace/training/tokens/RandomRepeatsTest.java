package io.millrace.training.tokens;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.tokenizer.LearnedVocabulary;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class RandomRepeatsTest {
    private static final LearnedVocabulary BYTES = LearnedVocabulary.of(List.of());

    @Test
    void whatIsToBePredictedStoodBeforeBehindTheSameToken() {
        for (TrainingSequence sequence : first(200, 3)) {
            assertThat(sequence.learnedTokens()).isPositive();
            for (int i = 0; i < sequence.length(); i++) {
                assertThat(!sequence.learned(i) || stoodBefore(sequence.tokens(), i)).as("token %d", i).isTrue();
            }
        }
    }

    @Test
    void passagesAndNamesTakeTurns() {
        List<TrainingSequence> sequences = first(200, 3);
        // Behind its first round a passage is learned to the end; among names there are others.
        for (int i = 0; i < sequences.size(); i++) {
            TrainingSequence sequence = sequences.get(i);
            int from = IntStream.range(0, sequence.length()).filter(sequence::learned).findFirst().orElseThrow();
            assertThat(sequence.learnedTokens() == sequence.length() - from).isEqualTo(i % 2 == 1);
        }
    }

    @Test
    void neitherSpecialTokensNorLongSequencesOccur() {
        for (TrainingSequence sequence : first(200, 3)) {
            assertThat(sequence.length()).isBetween(128, 512);
            assertThat(Arrays.stream(sequence.tokens()).noneMatch(BYTES.tokenizer()::isSpecial)).isTrue();
        }
    }

    @Test
    void equalSeedsGiveEqualSequencesAndOthersOthers() {
        assertThat(first(10, 3)).isEqualTo(first(10, 3)).doesNotContainAnyElementsOf(first(10, 4));
    }

    private static boolean stoodBefore(int[] tokens, int at) {
        return IntStream.range(1, at).anyMatch(i -> tokens[i] == tokens[at] && tokens[i - 1] == tokens[at - 1]);
    }

    private static List<TrainingSequence> first(int count, long seed) {
        RandomRepeats repeats = new RandomRepeats(BYTES, seed);
        return Stream.generate(repeats::next).limit(count).toList();
    }
}
