package io.millrace.runtime.tokenizer;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * A tokenizer for tests, built in memory: base tokens 0 to 255 are the bytes, then one token per merge, then the special
 * tokens of Llama 3.1.
 */
public final class SmallTokenizer {
    static final List<String> SPECIALS = List.of("<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>",
            "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>");
    private static final List<String> MERGES = List.of("h e", "l l", "he ll", "hell o", "Ġ w", "o r", "Ġw or", "l d",
            "Ġwor ld", "a a", "aa aa", "Ġ Ġ", "u s", "e r", "us er");

    private SmallTokenizer() {}

    public static Tokenizer create() {
        return new Tokenizer(source(MERGES, SPECIALS));
    }

    static Tokenizer withMerges(String... merges) {
        return new Tokenizer(source(List.of(merges), SPECIALS));
    }

    static TokenizerSource source(List<String> merges, List<String> specials) {
        List<String> tokens = new ArrayList<>();
        for (int b = 0; b < 256; b++) {
            tokens.add(String.valueOf(ByteAlphabet.toChar(b)));
        }
        for (String merge : merges) {
            tokens.add(merge.replace(" ", ""));
        }
        BitSet special = new BitSet();
        special.set(tokens.size(), tokens.size() + specials.size());
        tokens.addAll(specials);
        return new TokenizerSource(Path.of("small"), tokens, special, merges, "tokens", "merges");
    }
}
