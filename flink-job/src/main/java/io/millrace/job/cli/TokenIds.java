package io.millrace.job.cli;

import java.util.Arrays;

/** Token ids that a user typed. */
final class TokenIds {
    private TokenIds() {}

    static int[] parse(String list) {
        try {
            return Arrays.stream(list.split(",")).map(String::strip).mapToInt(Integer::parseInt).toArray();
        } catch (NumberFormatException e) {
            throw new InvalidInput(
                    "--ids: expected numbers with commas between them, such as 1,2,3; found '" + list + "'",
                    e);
        }
    }

    /** Throws when the model cannot take them, naming {@code where} they came from. */
    static void check(int[] tokens, String where, int vocabSize) {
        if (tokens.length == 0) {
            throw new InvalidInput(where + ": no token ids");
        }
        for (int token : tokens) {
            if (token < 0 || token >= vocabSize) {
                throw new InvalidInput(
                        where + ": token id " + token + " is outside the vocabulary of " + vocabSize + " tokens");
            }
        }
    }
}
