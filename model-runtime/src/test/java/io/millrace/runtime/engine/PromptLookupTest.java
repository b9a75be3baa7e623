package io.millrace.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PromptLookupTest {

    @Test
    void draftsWhatFollowedTheLastTokensBefore() {
        assertThat(draft(2, 3, 1, 2, 3, 4, 5, 6, 9, 2, 3)).containsExactly(4, 5, 6);
    }

    @Test
    void theLatestOccurrenceDecides() {
        assertThat(draft(2, 2, 1, 2, 8, 8, 1, 2, 9, 9, 1, 2)).containsExactly(9, 9);
    }

    @Test
    void aDraftThatReachesTheEndGoesOnWithItself() {
        assertThat(draft(2, 5, 7, 1, 2, 1, 2)).containsExactly(1, 2, 1, 2, 1);
        assertThat(draft(1, 4, 5, 5)).containsExactly(5, 5, 5, 5);
    }

    @Test
    void nothingIsDraftedWithoutAnEarlierOccurrence() {
        assertThat(draft(2, 4, 1, 2, 3, 4)).isEmpty();
        assertThat(draft(3, 4, 2, 3, 1, 2, 3)).isEmpty();
        assertThat(draft(3, 4, 1, 2, 3)).isEmpty();
        assertThat(draft(3, 4, 1)).isEmpty();
        assertThat(draft(1, 0, 1, 1)).isEmpty();
    }

    @Test
    void theFirstTokensCountAsAnOccurrence() {
        assertThat(draft(2, 1, 1, 2, 3, 1, 2)).containsExactly(3);
    }

    private static int[] draft(int ngram, int most, int... known) {
        int[] tokens = Arrays.copyOf(known, known.length + most);
        int length = new PromptLookup(ngram, most).draft(tokens, known.length, most);
        assertThat(Arrays.copyOf(tokens, known.length)).isEqualTo(known);
        return Arrays.copyOfRange(tokens, known.length, known.length + length);
    }
}
