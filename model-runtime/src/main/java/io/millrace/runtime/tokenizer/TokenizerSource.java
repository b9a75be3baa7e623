package io.millrace.runtime.tokenizer;

import io.millrace.runtime.weights.ModelFormatException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;

/**
 * A tokenizer as its file tells it, before it is checked as a whole.
 *
 * @param file where it was read, for errors
 * @param tokens the token of every id; base tokens in the {@link ByteAlphabet}, special ones as plain text
 * @param special ids that plain text never yields
 * @param merges pairs of base tokens, separated by a space, in order of rank
 * @param tokensField the file's name for {@code tokens}
 * @param mergesField the file's name for {@code merges}
 */
record TokenizerSource(Path file, List<String> tokens, BitSet special, List<String> merges, String tokensField,
        String mergesField) {

    ModelFormatException badTokens(String problem) {
        return new ModelFormatException(file, tokensField, problem);
    }

    ModelFormatException badMerges(String problem) {
        return new ModelFormatException(file, mergesField, problem);
    }
}
