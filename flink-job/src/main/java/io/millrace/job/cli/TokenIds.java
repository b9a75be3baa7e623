package io.millrace.job.cli;

import java.util.Arrays;

/** Token ids that a user typed. */
final class TokenIds {
    private TokenIds() {}

    static int[] parse(String list) {
        try {
            return Arrays.stream(list.split(",")).map(String::strip).mapToInt(Integer::parseInt).toArray();
        } catch (NumberFormatException e) {
            throw new CommandFailure(
                    "--ids: expected numbers with commas between them, such as 1,2,3; found '" + list + "'",
                    e);
        }
    }

    /** Throws when the model cannot take them, naming {@code where} they came from. */
    static void check(int[] tokens, String where, int vocabSize, int contextLength) {
        if (tokens.length == 0) {
            throw new CommandFailure(where + ": no token ids");
        }
        if (tokens.length > contextLength) {
            throw new CommandFailure(
                    where + ": " + tokens.length + " token ids are more than the model's context of " + contextLength);
        }
        for (int token : tokens) {
            if (token < 0 || token >= vocabSize) {
                throw new CommandFailure(
                        where + ": token id " + token + " is outside the vocabulary of " + vocabSize + " tokens");
            }
        }
    }
}
