package io.millrace.runtime.weights.sample;

import io.millrace.runtime.tokenizer.BytePairTrainer;
import io.millrace.runtime.tokenizer.LearnedVocabulary;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** The vocabulary of a sample model, learned from a short English text. */
final class SampleVocabulary {
    private static final int SIZE = 1024;
    private static final String TEXT = "sample-text.txt";
    /** Words with the space before them and marks. Nearly what Llama's own rule cuts; kept, since a sample's bytes are. */
    private static final Pattern WORD = Pattern.compile(" ?[A-Za-z]+| ?[^A-Za-z\\s]+");

    private SampleVocabulary() {}

    /** Learns the vocabulary; always the same. */
    static LearnedVocabulary learn() {
        BytePairTrainer trainer = new BytePairTrainer();
        WORD.matcher(text()).results().forEach(word -> trainer.addPiece(word.group(), 1));
        return LearnedVocabulary.of(trainer.merges(LearnedVocabulary.mergedTokens(SIZE)));
    }

    private static String text() {
        try (InputStream in = SampleVocabulary.class.getResourceAsStream(TEXT)) {
            if (in == null) {
                throw new IllegalStateException(TEXT + " is missing from the class path");
            }
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
