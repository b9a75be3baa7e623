package io.millrace.job.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.DeltaChoice;
import io.millrace.schemas.MessageDelta;
import io.millrace.schemas.TokenDelta;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class DeltaTextTest {
    private final DeltaText deltas = new DeltaText();

    private void hear(int seq, String text, @Nullable String finishReason) {
        deltas.hear(TokenDelta.newBuilder().setRequestId("r").setSeq(seq)
                .setChoices(List.of(new DeltaChoice(0, new MessageDelta(null, text, List.of()), finishReason)))
                .build());
    }

    @Test
    void aReaderThatKeepsTheHighestSeqReadsTheTextThroughARepetition() {
        hear(0, "The", null);
        hear(1, " mill", null);
        hear(0, "The", null);
        hear(1, " mill", null);
        hear(2, " turns", "stop");

        assertThat(deltas.problem()).isEmpty();
        assertThat(deltas.text()).isEqualTo("The mill turns");
        assertThat(deltas.finishReason()).isEqualTo("stop");
        assertThat(deltas.repeated()).isEqualTo(2);
    }

    @Test
    void aRepetitionWithOtherContentIsTold() {
        hear(0, "The", null);
        hear(0, "A", null);

        assertThat(deltas.problem()).hasValueSatisfying(problem -> assertThat(problem).contains("delta 0", "The", "A"));
    }

    @Test
    void aGapIsTold() {
        hear(0, "The", null);
        hear(2, " turns", null);

        assertThat(deltas.problem()).hasValue("delta 2 comes after 1 deltas");
    }

    @Test
    void withoutItsLastDeltaItHasNoEnd() {
        hear(0, "The", null);

        assertThat(deltas.finishReason()).isEmpty();
    }
}
