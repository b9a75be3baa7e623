package io.millrace.job.bench.load;

import io.millrace.runtime.tokenizer.Tokenizer;
import java.util.List;
import java.util.SplittableRandom;

/** What the users of a load say: random words, other ones in every turn, so that no two prompts begin alike. */
final class PromptTexts {
    private static final List<String> WORDS = List.of("water", "wheel", "river", "stone", "grain", "flour", "bread",
            "mill",
            "house", "winter", "summer", "morning", "evening", "village", "people", "market", "road", "bridge",
            "garden",
            "tree", "field", "horse", "window", "door", "table", "letter", "story", "music", "paper", "light");

    private final Tokenizer tokenizer;

    PromptTexts(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** A text of {@code tokens} tokens, or a few more where the last word is several. Equal seeds give equal texts. */
    String random(int tokens, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        StringBuilder text = new StringBuilder(word(random));
        int length = tokenizer.encode(text.toString()).length;
        while (length < tokens) {
            String next = " " + word(random);
            text.append(next);
            length += tokenizer.encode(next).length;
        }
        return text.toString();
    }

    private static String word(SplittableRandom random) {
        return WORDS.get(random.nextInt(WORDS.size()));
    }
}
