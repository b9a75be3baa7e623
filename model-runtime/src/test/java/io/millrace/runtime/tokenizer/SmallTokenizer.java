package io.millrace.runtime.tokenizer;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
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

    private static final ObjectMapper JSON = new ObjectMapper();

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

    /** Writes the tokenizer of {@link #create} as a {@code tokenizer.json}. */
    public static void writeJson(Path file) throws IOException {
        JSON.writeValue(file.toFile(), json(source(MERGES, SPECIALS)));
    }

    /** The content of a {@code tokenizer.json}. */
    static ObjectNode json(TokenizerSource source) {
        ObjectNode json = JSON.createObjectNode();
        json.putNull("normalizer");
        json.putObject("pre_tokenizer").putArray("pretokenizers").addObject().put("type", "Split").putObject("pattern")
                .put("Regex", PieceSplitter.EXPRESSION);
        ObjectNode model = json.putObject("model").put("type", "BPE");
        ObjectNode vocabulary = model.putObject("vocab");
        ArrayNode added = json.putArray("added_tokens");
        for (int id = 0; id < source.tokens().size(); id++) {
            if (source.special().get(id)) {
                added.addObject().put("id", id).put("content", source.tokens().get(id)).put("special", true);
            } else {
                vocabulary.put(source.tokens().get(id), id);
            }
        }
        source.merges().forEach(model.putArray("merges")::add);
        return json;
    }
}
