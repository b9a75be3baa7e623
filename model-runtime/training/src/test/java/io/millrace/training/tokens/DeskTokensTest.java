package io.millrace.training.tokens;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.prompt.Role;
import io.millrace.runtime.tokenizer.LearnedVocabulary;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.training.desk.DeskCorpus;
import io.millrace.training.desk.Dialogue;
import io.millrace.training.desk.Language;
import io.millrace.training.desk.Part;
import io.millrace.training.desk.Phrasebook;
import io.millrace.training.desk.Skill;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The vocabulary that the real corpus gives, learned from less of it than a run takes. */
class DeskTokensTest {
    private static final DeskCorpus CORPUS = new DeskCorpus(Phrasebook.load());
    private static final LearnedVocabulary VOCABULARY = DeskVocabulary.learn(
            CORPUS.dialogues(Part.TRAIN, 1).limit(3000),
            CORPUS.documents(1).limit(1000), DeskVocabulary.SIZE);

    private final Tokenizer tokenizer = VOCABULARY.tokenizer();
    private final DialogueEncoder encoder = new DialogueEncoder(tokenizer);

    @Test
    void itHasTheWantedSize() {
        assertThat(VOCABULARY.tokens()).hasSize(DeskVocabulary.SIZE).doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @EnumSource(Part.class)
    void dialoguesFit(Part part) {
        List<Dialogue> dialogues = CORPUS.dialogues(part, 2).limit(1000).toList();
        assertThat(dialogues).allSatisfy(dialogue -> assertThat(encoder.dialogue(dialogue).tokens()).as(dialogue.id())
                .containsExactly(encoder.tokens(dialogue)));
    }

    @ParameterizedTest
    @EnumSource(Language.class)
    void everyLanguageIsWrittenInFewerTokensThanCharacters(Language language) {
        int characters = 0;
        int tokens = 0;
        for (Skill skill : Skill.values()) {
            for (Dialogue dialogue : CORPUS.heldOut(skill, language, 5)) {
                for (var message : dialogue.exchanges().getFirst().input()) {
                    if (message.role() == Role.USER) {
                        characters += message.content().length();
                        tokens += tokenizer.encode(message.content()).length;
                    }
                }
            }
        }
        // Measured: half as many in Latin script, 0.75 to 0.82 where a character is three bytes.
        assertThat((double) tokens / characters).isLessThan(0.9);
    }
}
