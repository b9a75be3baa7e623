package io.millrace.runtime.tokenizer;

import io.millrace.runtime.weights.GgufFile;
import io.millrace.runtime.weights.GgufMetadata;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Set;

/** Reads the tokenizer in a GGUF file's metadata, keys {@code tokenizer.ggml.*} of the GGUF specification. */
final class GgufTokenizer {
    private static final String MODEL = "tokenizer.ggml.model";
    private static final String PRE = "tokenizer.ggml.pre";
    private static final String TOKENS = "tokenizer.ggml.tokens";
    private static final String TYPES = "tokenizer.ggml.token_type";
    private static final String MERGES = "tokenizer.ggml.merges";

    /** What the converters of different times call Llama 3's split expression. */
    private static final Set<String> LLAMA_3 = Set.of("llama-bpe", "llama3", "llama-v3");

    /** Token types: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. Text yields normal tokens only. */
    private static final int NORMAL = 1;
    private static final int LAST_TYPE = 6;

    private GgufTokenizer() {}

    static TokenizerSource read(Path path) {
        try (GgufFile file = GgufFile.open(path)) {
            return read(path, file.metadata());
        }
    }

    private static TokenizerSource read(Path path, GgufMetadata metadata) {
        if (!metadata.string(MODEL).equals("gpt2")) {
            throw metadata.error(MODEL, "is " + metadata.string(MODEL) + "; Llama 3's byte-level BPE is gpt2");
        }
        if (!LLAMA_3.contains(metadata.string(PRE))) {
            throw metadata.error(PRE, "is " + metadata.string(PRE) + "; Llama 3's split expression is llama-bpe");
        }
        List<String> tokens = metadata.strings(TOKENS);
        int[] types = metadata.integers(TYPES);
        if (types.length != tokens.size()) {
            throw metadata.error(TYPES, types.length + " types for " + tokens.size() + " tokens");
        }
        BitSet special = new BitSet(types.length);
        for (int id = 0; id < types.length; id++) {
            if (types[id] < NORMAL || types[id] > LAST_TYPE) {
                throw metadata.error(TYPES, "token " + id + " has unknown type " + types[id]);
            }
            special.set(id, types[id] != NORMAL);
        }
        for (String key : List.of("bos", "eos", "eot", "eom")) {
            checkId(metadata, "tokenizer.ggml." + key + "_token_id", tokens.size());
        }
        return new TokenizerSource(path, tokens, special, metadata.strings(MERGES), TOKENS, MERGES);
    }

    /** Tokens are found by name, but a file whose ids point outside its own table is damaged. */
    private static void checkId(GgufMetadata metadata, String key, int tokens) {
        if (metadata.has(key) && (metadata.integer(key) < 0 || metadata.integer(key) >= tokens)) {
            throw metadata.error(key, "is " + metadata.integer(key) + ", but there are " + tokens + " tokens");
        }
    }
}
