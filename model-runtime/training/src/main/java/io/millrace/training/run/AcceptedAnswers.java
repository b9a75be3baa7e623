package io.millrace.training.run;

import io.millrace.training.tokens.TrainingSequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Rejection sampling: of the answers that the model gave, the right ones become what it learns. A prompt that it always
 * answers rightly teaches little, and is used less often than one that it sometimes fails; to one that it never answers
 * rightly, the reference is the answer.
 */
final class AcceptedAnswers {
    /** Of the prompts that the model always answers rightly, one in so many is used. */
    private static final int EASY = 4;

    private AcceptedAnswers() {}

    /** What is to be learned from {@code sampled}, in a random order of {@code seed}. */
    static List<TrainingSequence> of(List<Sampled> sampled, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<TrainingSequence> accepted = new ArrayList<>();
        for (Sampled prompt : sampled) {
            List<int[]> right = prompt.candidates().stream().filter(Sampled.Candidate::right)
                    .map(Sampled.Candidate::tokens).toList();
            boolean easy = right.size() == prompt.candidates().size();
            if (!easy || random.nextInt(EASY) == 0) {
                int[] answer = right.isEmpty() ? prompt.reference() : right.get(random.nextInt(right.size()));
                accepted.add(random.nextInt(accepted.size() + 1), sequence(prompt.context(), answer));
            }
        }
        return List.copyOf(accepted);
    }

    /** Every accepted answer between two fresh sequences, over and over; only fresh ones when none was accepted. */
    static Iterator<TrainingSequence> among(List<TrainingSequence> accepted, Iterator<TrainingSequence> fresh) {
        if (accepted.isEmpty()) {
            return fresh;
        }
        return new Iterator<>() {
            private long next;

            @Override
            public boolean hasNext() {
                return true;
            }

            @Override
            public TrainingSequence next() {
                long index = next++;
                return index % 2 == 0 ? fresh.next() : accepted.get((int) (index / 2 % accepted.size()));
            }
        };
    }

    /** A prompt and its answer; the answer is to be predicted. */
    static TrainingSequence sequence(int[] context, int[] answer) {
        int[] tokens = Arrays.copyOf(context, context.length + answer.length);
        System.arraycopy(answer, 0, tokens, context.length, answer.length);
        boolean[] learned = new boolean[tokens.length];
        Arrays.fill(learned, context.length, tokens.length, true);
        return new TrainingSequence(tokens, learned);
    }
}
