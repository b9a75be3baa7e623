package io.millrace.runtime.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BytePairTrainerTest {

    private static List<String> merges(int newTokens, String... texts) {
        BytePairTrainer trainer = new BytePairTrainer();
        for (String text : texts) {
            trainer.addText(text, 1);
        }
        return trainer.merges(newTokens);
    }

    @Test
    void theMostFrequentPairIsMergedFirst() {
        assertThat(merges(3, "low low low lower")).containsExactly("l o", "lo w", "Ġ low");
    }

    @Test
    void amongEquallyFrequentPairsTheLesserTextIsMergedFirst() {
        assertThat(merges(2, "zy ba")).containsExactly("b a", "z y");
    }

    @Test
    void theOrderOfTheTextsDoesNotMatter() {
        String[] texts = {"The mill turns.", "Die Mühle dreht sich.", "โรงสีหมุน", "चक्की घूमती है।"};
        List<String> reversed = new ArrayList<>(List.of(texts));
        Collections.reverse(reversed);
        assertThat(merges(40, texts)).isEqualTo(merges(40, reversed.toArray(String[]::new)));
    }

    @Test
    void aTextCountsAsOftenAsItIsAdded() {
        BytePairTrainer trainer = new BytePairTrainer();
        trainer.addText("ab ab", 1);
        trainer.addText("xy", 3);
        assertThat(trainer.merges(1)).containsExactly("x y");
    }

    @Test
    void digitsAreNeverMerged() {
        List<String> merges = merges(4, "order 482 482 482 482 of 482");
        assertThat(merges).noneMatch(merge -> merge.matches(".*[0-9].*"));
    }

    @Test
    void nothingIsMergedAcrossTheBeginningOfACapitalisedWord() {
        List<String> merges = merges(6, "Anna \"Anna\" d'Anna askAnna JSON JSON JSON");
        assertThat(merges).noneMatch(merge -> merge.matches(".*[^A-Z] [A-Z].*"))
                .anyMatch(merge -> merge.matches("[A-Z]+ [A-Z]+"))
                .anyMatch(merge -> merge.replace(" ", "").equals("Anna"));
    }

    @Test
    void nothingIsMergedAcrossPieces() {
        assertThat(merges(2, "a.b a.b a.b")).allMatch(merge -> !merge.equals("a .") && !merge.equals(". b a"));
        assertThatThrownBy(() -> merges(3, "no no no")).hasMessage(
                "texts: no pair is left to merge after 2 of 3 tokens; give it more text");
    }

    @Test
    void agreesWithCountingEveryPairAnewForEveryMerge() {
        Random random = new Random(7);
        BytePairTrainer trainer = new BytePairTrainer();
        Map<String, Long> pieces = new HashMap<>();
        for (int i = 0; i < 300; i++) {
            StringBuilder piece = new StringBuilder();
            for (int length = 1 + random.nextInt(9); length > 0; length--) {
                piece.append((char) ('a' + random.nextInt(4)));
            }
            long times = 1L + random.nextInt(5);
            pieces.merge(piece.toString(), times, Long::sum);
            trainer.addPiece(piece.toString(), times);
        }
        assertThat(trainer.merges(150)).isEqualTo(naiveMerges(pieces, 150));
    }

    /** The definition, written down: each round counts all pairs of all pieces. */
    private static List<String> naiveMerges(Map<String, Long> pieces, int newTokens) {
        Map<List<String>, Long> words = new HashMap<>();
        pieces.forEach((piece, times) -> words.put(piece.chars().mapToObj(Character::toString).toList(), times));
        List<String> merges = new ArrayList<>();
        Set<String> made = new HashSet<>();
        while (made.size() < newTokens) {
            Map<String, Long> counts = new HashMap<>();
            words.forEach((word, times) -> {
                for (int i = 1; i < word.size(); i++) {
                    counts.merge(word.get(i - 1) + " " + word.get(i), times, Long::sum);
                }
            });
            String best = Collections
                    .min(counts.entrySet(),
                            Comparator.comparing((Map.Entry<String, Long> entry) -> -entry.getValue())
                                    .thenComparing(Map.Entry::getKey))
                    .getKey();
            merges.add(best);
            made.add(best.replace(" ", ""));
            Map<List<String>, Long> merged = new HashMap<>();
            words.forEach((word, times) -> merged.merge(merge(word, best), times, Long::sum));
            words.clear();
            words.putAll(merged);
        }
        return merges;
    }

    private static List<String> merge(List<String> word, String pair) {
        List<String> merged = new ArrayList<>();
        for (int i = 0; i < word.size(); i++) {
            if (i + 1 < word.size() && pair.equals(word.get(i) + " " + word.get(i + 1))) {
                merged.add(word.get(i) + word.get(i + 1));
                i++;
            } else {
                merged.add(word.get(i));
            }
        }
        return merged;
    }

    @Test
    void whatWasLearnedIsAVocabularyOfTheWantedSizeWithItsTokenizer() {
        List<String> merges = merges(3, "low low low lower");
        LearnedVocabulary vocabulary = LearnedVocabulary.of(merges);
        assertThat(vocabulary.tokens()).hasSize(256 + 3 + 16).doesNotHaveDuplicates().contains("Ġlow", "<|eot_id|>");
        assertThat(LearnedVocabulary.mergedTokens(vocabulary.tokens().size())).isEqualTo(3);
        assertThat(vocabulary.tokens().get(vocabulary.firstSpecial())).isEqualTo("<|begin_of_text|>");
        assertThat(vocabulary.tokens().get(vocabulary.endOfTurn())).isEqualTo("<|eot_id|>");
        Tokenizer tokenizer = vocabulary.tokenizer();
        assertThat(tokenizer.specials().endOfTurn()).isEqualTo(vocabulary.endOfTurn());
        assertThat(tokenizer.encode("low low1!")).containsExactly(vocabulary.tokens().indexOf("low"),
                vocabulary.tokens().indexOf("Ġlow"), vocabulary.tokens().indexOf("1"),
                vocabulary.tokens().indexOf("!"));
    }
}
