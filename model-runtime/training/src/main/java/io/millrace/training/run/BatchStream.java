package io.millrace.training.run;

import io.millrace.training.network.TokenBatch;
import io.millrace.training.tokens.TrainingSequence;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sequences in batches of at most so many tokens, without padding. A sequence that no longer fits begins the next batch.
 * Used by one thread.
 */
final class BatchStream {
    private final Iterator<TrainingSequence> sequences;
    private final int capacity;
    private @Nullable TrainingSequence held;
    private long consumed;

    /**
     * Sequences that are computed together.
     *
     * @param weights by token, of the gradients of its log probability; they add up to 1, unless nothing is learned
     */
    record Batch(TokenBatch sequences, float[] weights) {}

    /** @param consumed sequences of {@code sequences} that earlier batches have used, which are skipped */
    BatchStream(Iterator<TrainingSequence> sequences, int capacity, long consumed) {
        this.sequences = sequences;
        this.capacity = capacity;
        for (long i = 0; i < consumed; i++) {
            sequences.next();
        }
        this.consumed = consumed;
    }

    /** Sequences that the batches so far hold. */
    long consumed() {
        return consumed;
    }

    boolean hasNext() {
        return held != null || sequences.hasNext();
    }

    /** @throws IllegalArgumentException when a sequence alone is longer than a batch */
    Batch next() {
        List<TrainingSequence> taken = new ArrayList<>();
        int size = 0;
        while (hasNext()) {
            TrainingSequence sequence = held == null ? sequences.next() : held;
            held = null;
            int length = sequence.length();
            if (length > capacity) {
                throw new IllegalArgumentException(
                        "a sequence of " + length + " tokens does not fit into a batch of " + capacity);
            }
            if (size + length > capacity) {
                held = sequence;
                break;
            }
            taken.add(sequence);
            size += length;
        }
        consumed += taken.size();
        return new Batch(batch(taken), weights(taken, size));
    }

    private static float[] weights(List<TrainingSequence> sequences, int size) {
        float[] weights = new float[size];
        double sum = 0;
        int at = 0;
        for (TrainingSequence sequence : sequences) {
            for (float weight : sequence.weights()) {
                weights[at++] = weight;
                sum += weight;
            }
        }
        float scale = sum > 0 ? (float) (1 / sum) : 0;
        for (int i = 0; i < size; i++) {
            weights[i] *= scale;
        }
        return weights;
    }

    /** The sequences one after the other. */
    static TokenBatch batch(List<TrainingSequence> sequences) {
        int size = sequences.stream().mapToInt(TrainingSequence::length).sum();
        int[] tokens = new int[size];
        boolean[] learned = new boolean[size];
        int[] starts = new int[sequences.size()];
        int at = 0;
        for (int i = 0; i < sequences.size(); i++) {
            TrainingSequence sequence = sequences.get(i);
            starts[i] = at;
            System.arraycopy(sequence.tokens(), 0, tokens, at, sequence.length());
            for (int j = 0; j < sequence.length(); j++) {
                learned[at + j] = sequence.learned(j);
            }
            at += sequence.length();
        }
        return new TokenBatch(tokens, starts, learned);
    }
}
