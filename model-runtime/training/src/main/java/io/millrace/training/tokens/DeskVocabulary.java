package io.millrace.training.tokens;

import io.millrace.runtime.tokenizer.BytePairTrainer;
import io.millrace.runtime.tokenizer.LearnedVocabulary;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.weights.GgufFile;
import io.millrace.runtime.weights.GgufMetadata;
import io.millrace.runtime.weights.ModelFormatException;
import io.millrace.runtime.weights.export.GgufWriter;
import io.millrace.training.desk.Dialogue;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Learns the desk's vocabulary from its corpus, and keeps it in a GGUF file that holds nothing but a tokenizer. */
public final class DeskVocabulary {
    /** Tokens, the 256 bytes and the 16 special ones included. */
    public static final int SIZE = 4096;

    private static final String TOKENS = "tokenizer.ggml.tokens";
    private static final String MERGES = "tokenizer.ggml.merges";

    private DeskVocabulary() {}

    /**
     * Learns from what the model will read: the texts of the dialogues with their prompts' fixed parts, as often as they occur.
     * Languages are served by their share of the dialogues, so take as many of each.
     *
     * @param dialogues a finite part of the corpus, of the training side
     * @param documents texts for pre-training, finite
     * @param size how many tokens, the bytes and the special ones included
     * @throws IllegalArgumentException when that is too little text for so many tokens
     */
    public static LearnedVocabulary learn(Stream<Dialogue> dialogues, Stream<String> documents, int size) {
        BytePairTrainer trainer = new BytePairTrainer();
        // With no merges a token is a byte: what stands between two special tokens is one text.
        Tokenizer bytes = LearnedVocabulary.of(List.of()).tokenizer();
        DialogueEncoder encoder = new DialogueEncoder(bytes);
        dialogues.forEach(dialogue -> addTexts(trainer, bytes, encoder.tokens(dialogue)));
        documents.forEach(document -> trainer.addText(document, 1));
        return LearnedVocabulary.of(trainer.merges(LearnedVocabulary.mergedTokens(size)));
    }

    private static void addTexts(BytePairTrainer trainer, Tokenizer bytes, int[] tokens) {
        int from = 0;
        for (int i = 0; i < tokens.length; i++) {
            if (bytes.isSpecial(tokens[i])) {
                trainer.addText(bytes.decode(Arrays.copyOfRange(tokens, from, i)), 1);
                from = i + 1;
            }
        }
    }

    /**
     * Writes the file, replacing one that is there.
     *
     * @throws IOException when it cannot be written
     */
    public static void write(Path file, LearnedVocabulary vocabulary) throws IOException {
        new GgufWriter().string("general.architecture", "llama").string("general.type", "vocab").tokenizer(vocabulary)
                .write(file);
    }

    /**
     * Reads the vocabulary of a file that {@link #write} or {@link io.millrace.training.run} wrote.
     *
     * @throws ModelFormatException when the file is damaged or another vocabulary's
     */
    public static LearnedVocabulary read(Path file) {
        try (GgufFile gguf = GgufFile.open(file)) {
            GgufMetadata metadata = gguf.metadata();
            LearnedVocabulary vocabulary = LearnedVocabulary.of(metadata.strings(MERGES));
            if (!vocabulary.tokens().equals(metadata.strings(TOKENS))) {
                throw metadata.error(TOKENS, "they are not the bytes, what " + MERGES
                        + " makes and the special tokens; learn the vocabulary again");
            }
            return vocabulary;
        }
    }
}
