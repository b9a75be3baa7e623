package io.millrace.training.tokens;

import io.millrace.runtime.tokenizer.LearnedVocabulary;
import io.millrace.runtime.tokenizer.Tokenizer;
import java.util.Iterator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Tokens in no order of which parts come again: what the model learns to copy from a context, whatever it is. In text most
 * tokens can be foretold from the few before them, and a model that is trained on nothing else unlearns to look further
 * back. By turns, a few names that recur among other tokens, and a long passage over and over. What came before is to be
 * predicted, but for the first token of a name, which nothing announces. Endless; used by one thread.
 */
public final class RandomRepeats implements Iterator<TrainingSequence> {
    private static final int SHORTEST = 128;
    private static final int LONGEST = 512;
    private static final int NAMES = 3;
    private static final int SHORTEST_NAME = 2;
    private static final int LONGEST_NAME = 8;
    /** Most tokens between two names. */
    private static final int LONGEST_GAP = 16;
    private static final int SHORTEST_PASSAGE = 8;
    private static final int LONGEST_PASSAGE = 200;

    /** All but the special ones. */
    private final int[] vocabulary;
    private final SplittableRandom random;
    private boolean names;

    /** Equal seeds give equal sequences. */
    public RandomRepeats(LearnedVocabulary vocabulary, long seed) {
        Tokenizer tokenizer = vocabulary.tokenizer();
        this.vocabulary = IntStream.range(0, vocabulary.tokens().size()).filter(token -> !tokenizer.isSpecial(token))
                .toArray();
        random = new SplittableRandom(seed);
    }

    @Override
    public boolean hasNext() {
        return true;
    }

    @Override
    public TrainingSequence next() {
        names = !names;
        return names ? names() : passage();
    }

    private TrainingSequence names() {
        int[][] choices = new int[NAMES][];
        for (int i = 0; i < NAMES; i++) {
            choices[i] = tokens(random.nextInt(SHORTEST_NAME, LONGEST_NAME + 1));
        }
        int[] tokens = tokens(random.nextInt(SHORTEST, LONGEST + 1));
        float[] weights = new float[tokens.length];
        boolean[] met = new boolean[NAMES];
        int at = random.nextInt(LONGEST_GAP + 1);
        while (at < tokens.length) {
            int choice = random.nextInt(NAMES);
            int end = Math.min(tokens.length, at + choices[choice].length);
            System.arraycopy(choices[choice], 0, tokens, at, end - at);
            for (int i = at + 1; i < end && met[choice]; i++) {
                weights[i] = 1;
            }
            met[choice] = true;
            at = end + random.nextInt(LONGEST_GAP + 1);
        }
        return new TrainingSequence(tokens, weights);
    }

    private TrainingSequence passage() {
        int[] passage = tokens(random.nextInt(SHORTEST_PASSAGE, LONGEST_PASSAGE + 1));
        int[] tokens = new int[LONGEST];
        float[] weights = new float[LONGEST];
        for (int i = 0; i < LONGEST; i++) {
            tokens[i] = passage[i % passage.length];
            weights[i] = i > passage.length ? 1 : 0;
        }
        return new TrainingSequence(tokens, weights);
    }

    private int[] tokens(int count) {
        return IntStream.range(0, count).map(_ -> vocabulary[random.nextInt(vocabulary.length)]).toArray();
    }
}
