package io.millrace.training.desk;

import java.text.BreakIterator;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Words that no list has: the beginning of one and the end of another, cut between characters as readers see them. A model
 * that knows fifty names learns to choose among them; one that meets new ones all the time learns to copy what it reads.
 */
final class Blend {
    private static final int SHORTEST_STEM = 3;

    private Blend() {}

    /** A beginning of {@code first} and an end of {@code second}, both proper where they are long enough. */
    static String of(String first, String second, SplittableRandom random) {
        List<String> head = characters(first);
        List<String> tail = characters(second);
        int taken = head.size() < 2 ? head.size() : random.nextInt(1, head.size());
        int left = tail.size() < 2 ? 0 : random.nextInt(1, tail.size());
        return String.join("", head.subList(0, taken)) + String.join("", tail.subList(left, tail.size()));
    }

    /** The same of the last words, behind the other words of {@code first}. */
    static String ofLastWords(String first, String second, SplittableRandom random) {
        int at = first.lastIndexOf(' ') + 1;
        return first.substring(0, at) + of(first.substring(at), second.substring(second.lastIndexOf(' ') + 1), random);
    }

    /**
     * The forms of a product whose noun is a blend; grammar stays that of {@code first}.
     *
     * @return {@code first} itself when its forms, or those of {@code second}, have no noun in common
     */
    static Map<String, String> ofForms(Map<String, String> first, Map<String, String> second, SplittableRandom random) {
        String stem = stem(first.values());
        String other = stem(second.values());
        if (stem.length() < SHORTEST_STEM || other.length() < SHORTEST_STEM) {
            return first;
        }
        String blend = of(stem, other, random);
        Map<String, String> forms = new HashMap<>();
        first.forEach((form, text) -> {
            int at = indexOfWord(text.toLowerCase(Locale.ROOT), stem);
            String noun = Character.isUpperCase(text.charAt(at)) ? Draw.capital(blend) : blend;
            forms.put(form, text.substring(0, at) + noun + text.substring(at + stem.length()));
        });
        return forms;
    }

    /** The longest text that all have in common where a word begins, in lower case, without spaces around it. */
    private static String stem(Collection<String> forms) {
        Iterator<String> each = forms.stream().map(form -> form.toLowerCase(Locale.ROOT)).iterator();
        String first = each.next();
        List<String> others = new ArrayList<>();
        each.forEachRemaining(others::add);
        List<String> characters = characters(first);
        String longest = "";
        for (int from = 0; from < characters.size(); from++) {
            for (int to = characters.size(); to > from; to--) {
                String part = String.join("", characters.subList(from, to)).strip();
                if (part.length() > longest.length() && indexOfWord(first, part) >= 0
                        && others.stream().allMatch(other -> indexOfWord(other, part) >= 0)) {
                    longest = part;
                }
            }
        }
        return longest;
    }

    /** Where {@code word} stands in a text with no letter before it, or -1. */
    private static int indexOfWord(String text, String word) {
        int at = text.indexOf(word);
        while (at > 0 && Character.isLetter(text.charAt(at - 1))) {
            at = text.indexOf(word, at + 1);
        }
        return at;
    }

    private static List<String> characters(String text) {
        BreakIterator boundaries = BreakIterator.getCharacterInstance(Locale.ROOT);
        boundaries.setText(text);
        List<String> characters = new ArrayList<>();
        int from = boundaries.first();
        for (int to = boundaries.next(); to != BreakIterator.DONE; from = to, to = boundaries.next()) {
            characters.add(text.substring(from, to));
        }
        return characters;
    }
}
