package io.millrace.training.desk;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The phrases of all languages and the desk's system prompts, checked when they are loaded. Immutable. */
public final class Phrasebook {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private static final TypeReference<Map<String, Remarks>> REMARKS = new TypeReference<>() {};

    private static final TypeReference<Phrases> PHRASES = new TypeReference<>() {};
    private static final TypeReference<SystemPrompts> PROMPTS = new TypeReference<>() {};

    private final Map<Language, Phrases> phrases;
    private final Map<Language, Remarks> remarks;
    private final SystemPrompts prompts;
    private final Map<Language, Set<String>> heldOutWords = new EnumMap<>(Language.class);

    private Phrasebook(Map<Language, Phrases> phrases, Map<Language, Remarks> remarks, SystemPrompts prompts) {
        this.phrases = phrases;
        this.remarks = remarks;
        this.prompts = prompts;
        phrases.forEach((language, of) -> heldOutWords.put(language, heldOutWords(language, of)));
    }

    /**
     * Loads the phrase files that come with this module.
     *
     * @throws IllegalArgumentException when a file is wrong; it names the file, the key and the remedy
     */
    public static Phrasebook load() {
        var phrases = new EnumMap<Language, Phrases>(Language.class);
        var remarks = new EnumMap<Language, Remarks>(Language.class);
        Map<String, Remarks> byCode = read("remarks.json", REMARKS);
        for (Language language : Language.values()) {
            String file = language.code() + ".json";
            phrases.put(language, PhraseCheck.checked(file, language, read(file, PHRASES)));
            Remarks found = byCode.get(language.code());
            if (found == null) {
                throw new IllegalArgumentException(
                        "remarks.json: " + language.code() + ": add this language's remarks");
            }
            remarks.put(language, found);
        }
        SystemPrompts prompts = read("system.json", PROMPTS);
        return new Phrasebook(phrases, remarks, prompts);
    }

    SystemPrompts prompts() {
        return prompts;
    }

    Remarks remarks(Language language) {
        Remarks found = remarks.get(language);
        if (found == null) {
            throw new IllegalStateException("no remarks of " + language);
        }
        return found;
    }

    Phrases of(Language language) {
        Phrases found = phrases.get(language);
        if (found == null) {
            throw new IllegalStateException("no phrases of " + language);
        }
        return found;
    }

    /** Whether a text of the training part says a name, a city, a product, a noun or a topic that is held out. */
    boolean saysHeldOutWord(Language language, String text) {
        String said = gap(language) + text.toLowerCase(Locale.ROOT) + gap(language);
        return Objects.requireNonNull(heldOutWords.get(language)).stream().anyMatch(said::contains);
    }

    /** Thai has no spaces between words: one is looked for anywhere in a text. */
    private static String gap(Language language) {
        return language == Language.TH ? "" : " ";
    }

    private static Set<String> heldOutWords(Language language, Phrases phrases) {
        Stream<String> products = phrases.products().heldOut().stream().flatMap(forms -> forms.values().stream());
        Stream<String> nouns = phrases.tools().nouns().heldOut().stream().map(Phrases.Noun::text);
        return Stream.of(phrases.names().heldOut().stream(), phrases.cities().heldOut().stream(), products, nouns,
                phrases.tools().search().topics().heldOut().stream()).flatMap(words -> words)
                .map(word -> gap(language) + word.toLowerCase(Locale.ROOT) + gap(language))
                .collect(Collectors.toUnmodifiableSet());
    }

    private static <T> T read(String file, TypeReference<T> type) {
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
