package io.millrace.runtime.weights.sample;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The vocabulary of a sample model, in the form of {@code tokenizer.ggml.*}: the 256 bytes, pieces that byte-level BPE
 * learned from a short English text, and 16 special tokens with the names and the order of Llama 3.1.
 *
 * @param tokens bytes, pieces, specials
 * @param merges the pairs of tokens that make a piece, separated by a space, in the order in which they were learned
 */
record SampleVocabulary(List<String> tokens, List<String> merges) {
    static final int BYTES = 256;
    static final int PIECES = 752;
    /** Id of the first special token, {@code <|begin_of_text|>}. */
    static final int FIRST_SPECIAL = BYTES + PIECES;

    static final List<String> SPECIALS = List.of("<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>",
            "<|reserved_special_token_1|>", "<|finetune_right_pad_id|>", "<|reserved_special_token_2|>",
            "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>",
            "<|reserved_special_token_3|>", "<|reserved_special_token_4|>", "<|reserved_special_token_5|>",
            "<|reserved_special_token_6|>", "<|reserved_special_token_7|>");

    private static final String TEXT = "sample-text.txt";
    /** Words with the space before them and marks, as Llama's own rule would cut this text. */
    private static final Pattern WORD = Pattern.compile(" ?[A-Za-z]+| ?[^A-Za-z\\s]+");

    /** Learns the vocabulary; always the same. */
    static SampleVocabulary learn() {
        List<String> tokens = new ArrayList<>(byteAlphabet());
        List<String> merges = new ArrayList<>();
        List<Word> words = words();
        Map<Pair, Integer> counts = new HashMap<>();
        words.forEach(word -> word.count(counts, 1));
        for (int i = 0; i < PIECES; i++) {
            Pair best = counts.entrySet().stream().max(BY_COUNT_THEN_TEXT).orElseThrow().getKey();
            merges.add(best.left + " " + best.right);
            tokens.add(best.left + best.right);
            for (Word word : words) {
                word.merge(best, counts);
            }
        }
        tokens.addAll(SPECIALS);
        return new SampleVocabulary(List.copyOf(tokens), List.copyOf(merges));
    }

    private static final Comparator<Map.Entry<Pair, Integer>> BY_COUNT_THEN_TEXT = Map.Entry
            .<Pair, Integer>comparingByValue()
            .thenComparing(entry -> entry.getKey().left + " " + entry.getKey().right, Comparator.reverseOrder());

    private record Pair(String left, String right) {}

    /** A word of the text as the pieces it has so far, and how often it occurs. */
    private record Word(List<String> pieces, int occurrences) {

        void count(Map<Pair, Integer> counts, int sign) {
            for (int i = 1; i < pieces.size(); i++) {
                counts.merge(new Pair(pieces.get(i - 1), pieces.get(i)), sign * occurrences, Integer::sum);
            }
        }

        void merge(Pair pair, Map<Pair, Integer> counts) {
            for (int i = 0; i + 1 < pieces.size(); i++) {
                if (pieces.get(i).equals(pair.left) && pieces.get(i + 1).equals(pair.right)) {
                    count(counts, -1);
                    pieces.set(i, pair.left + pair.right);
                    pieces.remove(i + 1);
                    count(counts, 1);
                }
            }
        }
    }

    private static List<Word> words() {
        Map<String, Integer> occurrences = new TreeMap<>();
        WORD.matcher(text()).results().forEach(word -> occurrences.merge(word.group(), 1, Integer::sum));
        String space = byteAlphabet().get(220); // GPT-2 gives the space the number 220 of its alphabet.
        List<Word> words = new ArrayList<>();
        occurrences.forEach((word, count) -> words.add(
                new Word(new ArrayList<>(List.of(word.replace(" ", space).split(""))), count)));
        return words;
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

    /**
     * The characters that GPT-2 writes for the 256 bytes: printable bytes stand for themselves and come first, the others
     * follow as the characters from 256 on.
     */
    private static List<String> byteAlphabet() {
        List<String> printable = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (int b = 0; b < BYTES; b++) {
            if ((b > 32 && b < 127) || (b > 160 && b != 173)) {
                printable.add(Character.toString(b));
            } else {
                others.add(Character.toString(256 + others.size()));
            }
        }
        printable.addAll(others);
        return printable;
    }
}
