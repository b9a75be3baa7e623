package io.millrace.runtime.tokenizer;

import io.millrace.runtime.weights.ModelFormatException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Llama 3's byte-level byte-pair encoding: text to token ids and back. Immutable, any thread may use it; it holds no file
 * open.
 *
 * <p>Text becomes UTF-8 (a surrogate without a partner becomes U+FFFD), is split by Llama 3's expression and each piece is
 * merged by rank. A piece that stands whole in the vocabulary is that token even when no sequence of merges leads to it, as
 * in Llama's own tokenizer. Time is O(n log n) in the length of a piece, stack is constant.
 */
public final class Tokenizer {
    private final Vocabulary vocabulary;
    private final SpecialTokens specials;
    private final Map<String, Integer> specialIds;
    private final Pattern specialNames;

    Tokenizer(TokenizerSource source) {
        vocabulary = new Vocabulary(source);
        specialIds = new HashMap<>();
        source.special().stream().forEach(id -> {
            Integer other = specialIds.put(source.tokens().get(id), id);
            if (other != null) {
                throw source.badTokens(
                        "special tokens " + other + " and " + id + " are the same: " + source.tokens().get(id));
            }
        });
        specials = SpecialTokens.of(source, name -> specialIds.getOrDefault(name, -1));
        specialNames = Pattern.compile(specialIds.keySet().stream().filter(name -> !name.isEmpty())
                .sorted(Comparator.comparingInt(String::length).reversed()).map(Pattern::quote)
                .collect(Collectors.joining("|")));
    }

    /**
     * Reads a model's tokenizer.
     *
     * @param model a GGUF file (of a split one, the first file), a Hugging Face directory with a {@code tokenizer.json}, or
     *        a {@code tokenizer.json} itself
     * @throws ModelFormatException when there is no tokenizer at that place, or none of Llama 3's kind
     */
    public static Tokenizer load(Path model) {
        if (Files.isDirectory(model)) {
            return new Tokenizer(TokenizerJson.read(model.resolve("tokenizer.json")));
        }
        if (model.toString().endsWith(".json")) {
            return new Tokenizer(TokenizerJson.read(model));
        }
        return new Tokenizer(GgufTokenizer.read(model));
    }

    /**
     * The ids of a text. The text of special tokens is text like any other: whatever it holds, every id is a base token.
     * No begin-of-text is added.
     */
    public int[] encode(String text) {
        var encoder = new BytePairEncoder(vocabulary, text.length() / 3 + 8);
        encode(text, encoder);
        return encoder.ids();
    }

    /**
     * The ids of a text in which the names of special tokens stand for those tokens. For tools that look at token ids; text
     * of users never goes this way.
     */
    public int[] encodeWithSpecials(String text) {
        var encoder = new BytePairEncoder(vocabulary, text.length() / 3 + 8);
        Matcher matcher = specialNames.matcher(text);
        int from = 0;
        while (matcher.find()) {
            encode(text.substring(from, matcher.start()), encoder);
            encoder.append(specialIds.getOrDefault(matcher.group(), -1));
            from = matcher.end();
        }
        encode(text.substring(from), encoder);
        return encoder.ids();
    }

    private static void encode(String input, BytePairEncoder encoder) {
        String text = Unicode.wellFormed(input);
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        var splitter = new PieceSplitter(text);
        int at = 0;
        for (int start = 0; start < text.length();) {
            int end = splitter.end(start);
            int to = at + Unicode.utf8Length(text, start, end);
            encoder.encode(bytes, at, to);
            at = to;
            start = end;
        }
    }

    /** How many tokens there are, special ones included; ids are below it. */
    public int vocabularySize() {
        return vocabulary.size();
    }

    public SpecialTokens specials() {
        return specials;
    }

    /** Whether an id is a special token, one that {@link #encode} never yields and that stands for no text. */
    public boolean isSpecial(int token) {
        return vocabulary.isSpecial(token);
    }

    /** The bytes a token stands for, perhaps only a part of a character; none for a special token. */
    public byte[] bytes(int token) {
        byte[] bytes = new byte[byteLength(token)];
        copyBytes(token, bytes, 0);
        return bytes;
    }

    /** How many bytes a token stands for; 0 for a special token. */
    int byteLength(int token) {
        return vocabulary.isSpecial(token) ? 0 : vocabulary.length(token);
    }

    void copyBytes(int token, byte[] target, int at) {
        if (!vocabulary.isSpecial(token)) {
            vocabulary.copy(token, target, at);
        }
    }

    /** A token as people read it: a special token's name, else its text with U+FFFD for what is only part of a character. */
    public String display(int token) {
        return vocabulary.text(token);
    }

    /** The text of a sequence of tokens. Special tokens have none; bytes that are no UTF-8 become U+FFFD. */
    public String decode(int[] ids) {
        int length = 0;
        for (int id : ids) {
            length = Math.addExact(length, byteLength(id));
        }
        byte[] bytes = new byte[length];
        int at = 0;
        for (int id : ids) {
            copyBytes(id, bytes, at);
            at += byteLength(id);
        }
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
