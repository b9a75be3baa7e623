package io.millrace.training.desk;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CurationTest {
    private final Curation curation = new Curation();

    private static Dialogue dialogue(Language language, String user, String answer) {
        return new Dialogue("id", Skill.MEMORY, language, List.of(), Set.of(),
                List.of(new Exchange(List.of(new Message(Role.USER, user)), new Message(Role.ASSISTANT, answer),
                        new Expectation.Unscored())));
    }

    private void drops(Curation.Reason reason, Dialogue dialogue) {
        assertThat(curation.keeps(dialogue)).isFalse();
        assertThat(curation.dropped()).containsEntry(reason, 1).hasSize(1);
    }

    @Test
    void whatIsTooShortOrTooLongIsDropped() {
        assertThat(curation.keeps(dialogue(Language.EN, "Hi.", "Hello."))).isFalse();
        assertThat(curation.keeps(dialogue(Language.EN, "word ".repeat(600), "Hello."))).isFalse();
        assertThat(curation.dropped()).containsEntry(Curation.Reason.LENGTH, 2).hasSize(1);
    }

    @Test
    void anOpenSlotIsDropped() {
        drops(Curation.Reason.UNFILLED, dialogue(Language.EN, "Where is order {order}?", "It is on its way."));
    }

    @Test
    void anotherScriptIsDropped() {
        drops(Curation.Reason.SCRIPT, dialogue(Language.TH, "Where is my parcel?", "It is on its way."));
    }

    @Test
    void aSentenceThatIsSaidTwiceIsDropped() {
        drops(Curation.Reason.REPETITION, dialogue(Language.EN, "Please hurry. please hurry!", "We are on it."));
    }

    @Test
    void theSameTextIsKeptOnce() {
        assertThat(curation.keeps(dialogue(Language.EN, "Where is my parcel?", "It is on its way."))).isTrue();
        drops(Curation.Reason.DUPLICATE, dialogue(Language.EN, "where is my parcel", "It is on its way!"));
    }

    @Test
    void aFewMayDifferInDigitsOnly() {
        for (int i = 0; i < 3; i++) {
            assertThat(curation.keeps(dialogue(Language.EN, "Where is order 100" + i + "?", "On its way."))).isTrue();
        }
        drops(Curation.Reason.NEAR_DUPLICATE, dialogue(Language.EN, "Where is order 1003?", "On its way."));
    }
}
