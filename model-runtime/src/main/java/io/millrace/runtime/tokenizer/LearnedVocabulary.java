package io.millrace.runtime.tokenizer;

import java.nio.file.Path;
import java.util.BitSet;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A vocabulary that was learned here: the 256 bytes, the tokens that merges make of them, and 16 special tokens with the
 * names and the order of Llama 3.1's first ones.
 *
 * @param tokens bytes and merged tokens in the {@link ByteAlphabet}, then special tokens; the index is the id
 * @param merges pairs of tokens, separated by a space, in order of rank
 */
public record LearnedVocabulary(List<String> tokens, List<String> merges) {
    /** The first tokens, which are single bytes. */
    public static final int BYTES = 256;

    private static final List<String> SPECIALS = List.of("<|begin_of_text|>", "<|end_of_text|>",
            "<|reserved_special_token_0|>", "<|reserved_special_token_1|>", "<|finetune_right_pad_id|>",
            "<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>",
            "<|python_tag|>", "<|reserved_special_token_3|>", "<|reserved_special_token_4|>",
            "<|reserved_special_token_5|>", "<|reserved_special_token_6|>", "<|reserved_special_token_7|>");
    private static final int END_OF_TURN = SPECIALS.indexOf("<|eot_id|>");

    public LearnedVocabulary {
        tokens = List.copyOf(tokens);
        merges = List.copyOf(merges);
    }

    /** The vocabulary of what {@link BytePairTrainer#merges} gave. */
    public static LearnedVocabulary of(List<String> merges) {
        Set<String> merged = new LinkedHashSet<>();
        merges.forEach(merge -> merged.add(merge.replace(" ", "")));
        return new LearnedVocabulary(
                Stream.of(ByteAlphabet.tokens(), merged, SPECIALS).flatMap(Collection::stream).toList(), merges);
    }

    /** How many tokens {@link BytePairTrainer#merges} has to make for a vocabulary of this size. */
    public static int mergedTokens(int size) {
        return size - BYTES - SPECIALS.size();
    }

    /** The id of the first special token, {@code <|begin_of_text|>}; all above it are special. */
    public int firstSpecial() {
        return tokens.size() - SPECIALS.size();
    }

    public int endOfTurn() {
        return firstSpecial() + END_OF_TURN;
    }

    /** The tokenizer that a model file with this vocabulary has. */
    public Tokenizer tokenizer() {
        BitSet special = new BitSet();
        special.set(firstSpecial(), tokens.size());
        return new Tokenizer(
                new TokenizerSource(Path.of("learned vocabulary"), tokens, special, merges, "tokens", "merges"));
    }
}
