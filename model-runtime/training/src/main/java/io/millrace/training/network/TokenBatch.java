package io.millrace.training.network;

/**
 * Sequences of tokens, one after the other. Each has its own positions, from 0, and sees nothing of the others.
 *
 * @param tokens of all sequences
 * @param starts where each sequence begins, ascending, the first at 0
 * @param learned by token: whether its probability, given those before it, is asked for. The first token of a sequence is
 *        given, never predicted: its flag is not looked at
 */
public record TokenBatch(int[] tokens, int[] starts, boolean[] learned) {

    /** @throws IllegalArgumentException when the parts do not fit together; the arrays are kept, not copied */
    public TokenBatch {
        if (learned.length != tokens.length) {
            throw new IllegalArgumentException(
                    "learned: " + learned.length + " flags for " + tokens.length + " tokens; give one for each");
        }
        if (starts.length == 0 || starts[0] != 0) {
            throw new IllegalArgumentException("starts: the first sequence must begin at 0");
        }
        for (int i = 0; i < starts.length; i++) {
            int end = i + 1 < starts.length ? starts[i + 1] : tokens.length;
            if (end <= starts[i]) {
                throw new IllegalArgumentException("starts: sequence " + i + " from " + starts[i] + " to " + end
                        + " is empty; leave it out");
            }
        }
    }

    /** Where a sequence ends: behind its last token. */
    public int end(int sequence) {
        return sequence + 1 < starts.length ? starts[sequence + 1] : tokens.length;
    }
}
