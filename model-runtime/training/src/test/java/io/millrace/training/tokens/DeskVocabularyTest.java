package io.millrace.training.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.runtime.tokenizer.LearnedVocabulary;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.weights.ModelFormatException;
import io.millrace.runtime.weights.export.GgufWriter;
import io.millrace.training.desk.Dialogue;
import io.millrace.training.desk.Exchange;
import io.millrace.training.desk.Expectation;
import io.millrace.training.desk.Language;
import io.millrace.training.desk.Skill;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeskVocabularyTest {
    private static final Dialogue DIALOGUE = new Dialogue("d", Skill.MEMORY, Language.DE, List.of(), Set.of(),
            List.of(new Exchange(List.of(new Message(Role.USER, "Der Kessel, der Kessel 48213!")),
                    new Message(Role.ASSISTANT, "Kessel?"), new Expectation.Unscored())));

    private static LearnedVocabulary learn(int merged) {
        int size = 256 + merged + 16;
        LearnedVocabulary vocabulary = DeskVocabulary.learn(Stream.of(DIALOGUE), Stream.of("Kessel."), size);
        assertThat(vocabulary.tokens()).hasSize(size);
        return vocabulary;
    }

    @Test
    void learnsFromMessagesAnswersHeadersAndDocuments() {
        Tokenizer tokenizer = learn(20).tokenizer();
        assertThat(tokenizer.encode("Kessel")).hasSize(1);
        assertThat(tokenizer.encode("assistant")).hasSize(1);
        assertThat(tokenizer.encode("\n\n")).hasSize(1);
    }

    @Test
    void aNumberIsItsDigits() {
        assertThat(learn(20).tokenizer().encode(" 48213")).hasSize(6);
    }

    @Test
    void aFileKeepsIt(@TempDir Path directory) throws IOException {
        LearnedVocabulary vocabulary = learn(20);
        Path file = directory.resolve("vocabulary.gguf");
        DeskVocabulary.write(file, vocabulary);
        assertThat(DeskVocabulary.read(file)).isEqualTo(vocabulary);
        assertThat(Tokenizer.load(file).encode("der Kessel"))
                .containsExactly(vocabulary.tokenizer().encode("der Kessel"));
    }

    @Test
    void aFileOfAnotherVocabularyIsRefused(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("other.gguf");
        new GgufWriter().strings("tokenizer.ggml.tokens", List.of("a", "b")).strings("tokenizer.ggml.merges", List.of())
                .write(file);
        assertThatThrownBy(() -> DeskVocabulary.read(file)).isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("other.gguf: tokenizer.ggml.tokens: they are not the bytes");
    }
}
