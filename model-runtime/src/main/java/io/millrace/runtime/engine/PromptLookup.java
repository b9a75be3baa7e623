package io.millrace.runtime.engine;

import java.util.Arrays;

/**
 * Drafts by prompt lookup (Saxena 2023): where the last tokens of a sequence stand in it once more, it may go on as it did
 * there. Answers that quote their prompt, such as summaries, edits and code, often do.
 *
 * @param ngram how many last tokens are looked for, 1 or more
 * @param maxTokens tokens that are drafted at most; 0 to draft none
 */
record PromptLookup(int ngram, int maxTokens) {
    /**
     * Writes a draft after the {@code known} first tokens, which has room for it. The latest earlier occurrence decides. A
     * draft that reaches the end of what is known goes on with itself, as in LZ77, so a loop is drafted whole.
     *
     * @return its length, {@code most} or 0
     */
    int draft(int[] tokens, int known, int most) {
        if (most <= 0) {
            return 0;
        }
        for (int end = known - 1; end >= ngram; end--) {
            if (tokens[end - 1] == tokens[known - 1]
                    && Arrays.equals(tokens, end - ngram, end, tokens, known - ngram, known)) {
                for (int i = 0; i < most; i++) {
                    tokens[known + i] = tokens[end + i];
                }
                return most;
            }
        }
        return 0;
    }
}
