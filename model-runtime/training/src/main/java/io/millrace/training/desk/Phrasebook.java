package io.millrace.training.desk;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;

/** The phrases of all languages and the desk's system prompts, checked when they are loaded. Immutable. */
public final class Phrasebook {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private final Map<Language, Phrases> phrases;

    private Phrasebook(Map<Language, Phrases> phrases) {
        this.phrases = phrases;
    }

    /**
     * Loads the phrase files that come with this module.
     *
     * @throws IllegalArgumentException when a file is wrong; it names the file, the key and the remedy
     */
    public static Phrasebook load() {
        var phrases = new EnumMap<Language, Phrases>(Language.class);
        for (Language language : Language.values()) {
            String file = language.code() + ".json";
            phrases.put(language, PhraseCheck.checked(file, language, read(file, Phrases.class)));
        }
        return new Phrasebook(phrases);
    }

    Phrases of(Language language) {
        Phrases found = phrases.get(language);
        if (found == null) {
            throw new IllegalStateException("no phrases of " + language);
        }
        return found;
    }

    private static <T> T read(String file, Class<T> type) {
        try (InputStream in = Phrasebook.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new IllegalArgumentException(file + ": no such phrase file; add it to the module's resources");
            }
            return MAPPER.readValue(in, type);
        } catch (JsonMappingException e) {
            String key = e.getPath().stream()
                    .map(step -> step.getFieldName() == null ? "[" + step.getIndex() + "]" : "." + step.getFieldName())
                    .collect(Collectors.joining());
            throw new IllegalArgumentException(file + ": " + key + ": " + e.getOriginalMessage(), e);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(
                    file + ": line " + e.getLocation().getLineNr() + ": no JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
