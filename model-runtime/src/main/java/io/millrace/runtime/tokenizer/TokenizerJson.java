package io.millrace.runtime.tokenizer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.runtime.weights.ModelFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads a {@code tokenizer.json} of Hugging Face's tokenizers library. The vocabulary and the merges, some 400,000 strings,
 * are read as a stream; the rest is small and read as trees.
 */
final class TokenizerJson {
    // Vocabulary entries are field names here: interning 128,256 of them costs more than reading them.
    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES).disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .build());

    private final Path file;
    /** Every token takes more than a byte, so a larger id is a lie, and must not make us allocate. */
    private final long fileBytes;
    private final Map<Integer, String> added = new HashMap<>();
    private final List<String> merges = new ArrayList<>();
    private @Nullable String[] vocabulary = {};
    private int tokens;
    private boolean hasModel;

    private TokenizerJson(Path file, long fileBytes) {
        this.file = file;
        this.fileBytes = fileBytes;
    }

    static TokenizerSource read(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return read(file, in, Files.size(file));
        } catch (IOException e) {
            throw new ModelFormatException(file, "tokenizer.json", "no such file, or it cannot be read", e);
        }
    }

    /** Reads the content of a file, which is {@code fileBytes} long. */
    static TokenizerSource read(Path file, InputStream in, long fileBytes) {
        var reader = new TokenizerJson(file, fileBytes);
        try (JsonParser parser = JSON.createParser(in)) {
            reader.readAll(parser);
        } catch (IOException e) {
            throw new ModelFormatException(file, "tokenizer.json", "no valid JSON: " + firstLine(e), e);
        }
        return reader.source();
    }

    private static String firstLine(IOException e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private void readAll(JsonParser parser) throws IOException {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw bad("tokenizer.json", "no JSON object");
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            parser.nextToken();
            switch (field) {
                case "added_tokens" -> readAdded(parser.readValueAsTree());
                case "model" -> readModel(parser);
                case "normalizer" -> {
                    if (parser.currentToken() != JsonToken.VALUE_NULL) {
                        throw bad(field, "Llama 3 has none; this is another tokenizer");
                    }
                }
                case "pre_tokenizer" -> checkSplit(parser.readValueAsTree());
                default -> parser.skipChildren();
            }
        }
    }

    /** The expression that splits the text has to be the one that {@link PieceSplitter} implements. */
    private void checkSplit(JsonNode preTokenizer) {
        JsonNode expression = preTokenizer.findValue("Regex");
        if (expression == null || !PieceSplitter.EXPRESSION.equals(expression.textValue())) {
            throw bad("pre_tokenizer", "not Llama 3's split expression but " + expression);
        }
    }

    private void readAdded(JsonNode tokens) {
        for (JsonNode token : tokens) {
            JsonNode id = token.path("id");
            JsonNode content = token.path("content");
            if (!id.isInt() || !content.isTextual()) {
                throw bad("added_tokens", "an entry without id or content: " + token);
            }
            String other = added.put(checkId("added_tokens", id.intValue()), content.textValue());
            if (other != null) {
                throw bad("added_tokens", "id " + id + " is both " + other + " and " + content.textValue());
            }
        }
    }

    private void readModel(JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw bad("model", "no JSON object");
        }
        if (hasModel) {
            throw bad("model", "is there twice");
        }
        hasModel = true;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            parser.nextToken();
            switch (field) {
                case "type" -> {
                    if (!"BPE".equals(parser.getText())) {
                        throw bad("model.type", "is " + parser.getText() + "; Llama 3's is BPE");
                    }
                }
                case "vocab" -> readVocabulary(parser);
                case "merges" -> readMerges(parser);
                default -> parser.skipChildren();
            }
        }
    }

    private void readVocabulary(JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw bad("model.vocab", "no JSON object");
        }
        if (vocabulary.length > 0) {
            throw bad("model.vocab", "is there twice");
        }
        vocabulary = new String[(int) Math.min(1 << 17, fileBytes)];
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String token = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT) {
                throw bad("model.vocab", "the id of " + token + " is no integer");
            }
            int id = checkId("model.vocab", parser.getIntValue());
            if (id >= vocabulary.length) {
                vocabulary = java.util.Arrays.copyOf(vocabulary, Math.max(id + 1, vocabulary.length * 2));
            }
            if (vocabulary[id] != null) {
                throw bad("model.vocab", "id " + id + " is both " + vocabulary[id] + " and " + token);
            }
            vocabulary[id] = token;
        }
    }

    /** A merge is {@code "left right"} or, in newer files, {@code ["left", "right"]}. */
    private void readMerges(JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            throw bad("model.merges", "no JSON array");
        }
        for (JsonToken token = parser.nextToken(); token != JsonToken.END_ARRAY; token = parser.nextToken()) {
            if (token == JsonToken.VALUE_STRING) {
                merges.add(parser.getText());
            } else if (token == JsonToken.START_ARRAY) {
                String left = parser.nextTextValue();
                String right = parser.nextTextValue();
                if (left == null || right == null || parser.nextToken() != JsonToken.END_ARRAY) {
                    throw bad("model.merges", "merge " + merges.size() + " is not two tokens");
                }
                merges.add(left + " " + right);
            } else {
                throw bad("model.merges", "merge " + merges.size() + " is neither a string nor two strings");
            }
        }
    }

    private int checkId(String field, int id) {
        if (id < 0 || id >= fileBytes) {
            throw bad(field, "id " + id + " is out of range");
        }
        tokens = Math.max(tokens, id + 1);
        return id;
    }

    private TokenizerSource source() {
        if (!hasModel || vocabulary.length == 0) {
            throw bad("model.vocab", "missing");
        }
        List<String> all = new ArrayList<>(tokens);
        BitSet special = new BitSet(tokens);
        for (int id = 0; id < tokens; id++) {
            String name = added.get(id);
            String token = name != null ? name : id < vocabulary.length ? vocabulary[id] : null;
            if (token == null) {
                throw bad("model.vocab", "ids go up to " + (tokens - 1) + ", but there is no token " + id);
            }
            all.add(token);
            special.set(id, name != null);
        }
        return new TokenizerSource(file, all, special, merges, "model.vocab", "model.merges");
    }

    private ModelFormatException bad(String field, String problem) {
        return new ModelFormatException(file, field, problem);
    }
}
