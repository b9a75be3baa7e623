package io.millrace.training.run;

import java.util.List;

/**
 * What a model answered to one prompt, several times.
 *
 * @param context ids of the prompt, ending with the open header of the answer
 * @param reference ids of the right answer, with the token that ends it
 * @param candidates what the model said
 */
public record Sampled(int[] context, int[] reference, List<Candidate> candidates) {

    /**
     * An answer.
     *
     * @param tokens ids of the answer, with the token that ends it
     * @param right whether it is right in every respect that can be graded
     */
    public record Candidate(int[] tokens, boolean right) {}

    public Sampled {
        candidates = List.copyOf(candidates);
    }
}
