package io.millrace.training.desk;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.runtime.prompt.Answer;
import io.millrace.runtime.prompt.ToolCall;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Judges answers. It is strict: an answer is right only when nothing about it is wrong. Immutable, any thread may use it.
 */
public final class Grader {
    private static final JsonMapper MAPPER = JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();
    private static final Set<String> TRIAGE_FIELDS = Set.of("category", "sentiment", "urgency", "language", "order");
    private static final Pattern NUMBER = Pattern.compile("\\p{Nd}+");
    private static final String LIST_ITEM = "- ";

    private final Map<Language, Map<Tone, List<Pattern>>> replies = new EnumMap<>(Language.class);
    private final Map<Language, List<String>> refusals = new EnumMap<>(Language.class);

    public Grader(Phrasebook phrasebook) {
        for (Language language : Language.values()) {
            Phrases phrases = phrasebook.of(language);
            var byTone = new EnumMap<Tone, List<Pattern>>(Tone.class);
            for (Tone tone : Tone.values()) {
                byTone.put(tone, ReplyPhrases.patterns(phrases, tone));
            }
            replies.put(language, byTone);
            refusals.put(language, ReplyPhrases.refusals(phrases));
        }
    }

    /**
     * Judges an answer.
     *
     * @return the criteria that the expectation has, each met or not; empty when nothing is to be judged
     */
    public Map<Criterion, Boolean> grade(Expectation expected, Answer answer) {
        return switch (expected) {
            case Expectation.Triage triage -> triage(triage, answer);
            case Expectation.Recall recall -> Map.of(Criterion.MEMORY, recalls(recall, text(answer)));
            case Expectation.Call call -> Map.of(Criterion.CALL, calls(call, answer));
            case Expectation.Result result -> Map.of(Criterion.RESULT, tells(result, text(answer)));
            case Expectation.Style style -> Map.of(Criterion.STEERING, hasStyle(style, text(answer)));
            case Expectation.Refusal refusal -> Map.of(Criterion.REFUSAL, refuses(refusal, text(answer)));
            case Expectation.Unscored _ -> Map.of();
        };
    }

    private static Map<Criterion, Boolean> triage(Expectation.Triage expected, Answer answer) {
        String text = text(answer);
        Optional<ObjectNode> found = text.contains("\n") ? Optional.empty() : object(text);
        boolean complete = found.map(Grader::isTriage).orElse(false);
        ObjectNode json = found.orElseGet(MAPPER::createObjectNode);
        var grades = new EnumMap<Criterion, Boolean>(Criterion.class);
        grades.put(Criterion.JSON, complete);
        grades.put(Criterion.CATEGORY, is(json, "category", expected.category().label()));
        grades.put(Criterion.SENTIMENT, is(json, "sentiment", expected.sentiment().label()));
        grades.put(Criterion.URGENCY, is(json, "urgency", expected.urgency().label()));
        grades.put(Criterion.LANGUAGE, is(json, "language", expected.language().code()));
        grades.put(Criterion.ORDER, expected.order() == null
                ? json.path("order").isNull()
                : is(json, "order", expected.order()));
        return grades;
    }

    /** Whether it has exactly the fields of a triage, each text, the order perhaps null. */
    private static boolean isTriage(ObjectNode json) {
        return json.size() == TRIAGE_FIELDS.size()
                && TRIAGE_FIELDS.stream().allMatch(
                        field -> json.path(field).isTextual() || (field.equals("order") && json.path(field).isNull()));
    }

    private static boolean is(ObjectNode json, String field, String value) {
        return json.path(field).isTextual() && json.path(field).textValue().equals(value);
    }

    private static boolean recalls(Expectation.Recall expected, String text) {
        return expected.values().stream().anyMatch(value -> holds(text, value))
                && expected.others().stream().noneMatch(other -> holds(text, other))
                && numbersAreFrom(String.join(" ", expected.values()), text);
    }

    private static boolean tells(Expectation.Result expected, String text) {
        return holds(text, expected.value()) && numbersAreFrom(expected.value() + " " + expected.question(), text);
    }

    /** Whether every number of the text is one of the source. */
    private static boolean numbersAreFrom(String source, String text) {
        return NUMBER.matcher(text).results().allMatch(number -> holds(source, number.group()));
    }

    private static boolean calls(Expectation.Call expected, Answer answer) {
        if (!(answer instanceof Answer.ToolCalls calls) || calls.calls().size() != 1 || !calls.content().isBlank()) {
            return false;
        }
        ToolCall call = calls.calls().getFirst();
        Map<String, String> arguments = new HashMap<>();
        object(call.arguments()).ifPresent(
                json -> json.properties().forEach(field -> arguments.put(field.getKey(), field.getValue().toString())));
        return call.name().equals(expected.name()) && arguments.equals(expected.arguments());
    }

    private boolean hasStyle(Expectation.Style expected, String text) {
        return expected.tone() == null
                ? List.of(Tone.values()).stream().anyMatch(tone -> hasStyle(expected, tone, text))
                : hasStyle(expected, expected.tone(), text);
    }

    private boolean hasStyle(Expectation.Style expected, Tone tone, String text) {
        List<Pattern> phrases = replies.getOrDefault(expected.language(), Map.of()).getOrDefault(tone, List.of());
        int sentences = switch (expected.format()) {
            case PLAIN -> countPhrases(phrases, expected, text);
            case LIST -> countItems(phrases, expected, text);
            case JSON -> object(text)
                    .filter(json -> !text.contains("\n") && json.size() == 1 && json.path("reply").isTextual())
                    .map(json -> countPhrases(phrases, expected, json.path("reply").textValue())).orElse(0);
        };
        return sentences > 0 && (expected.sentences() == 0 || sentences == expected.sentences());
    }

    /** How many items the list has, or 0 when a line is no item of exactly one phrase. */
    private static int countItems(List<Pattern> phrases, Expectation.Style expected, String text) {
        String[] lines = text.split("\n", -1);
        for (String line : lines) {
            if (!line.startsWith(LIST_ITEM)
                    || countPhrases(phrases, expected, line.substring(LIST_ITEM.length())) != 1) {
                return 0;
            }
        }
        return lines.length;
    }

    /** How many phrases, separated by spaces, the text is, or 0 when it is anything else. */
    private static int countPhrases(List<Pattern> phrases, Expectation.Style expected, String text) {
        int count = 0;
        for (int from = 0; from < text.length() || count == 0;) {
            int end = phraseEnd(phrases, expected, text, from);
            if (end < 0) {
                return 0;
            }
            count++;
            from = end < text.length() ? end + 1 : end;
        }
        return count;
    }

    /** The end of the longest phrase that begins here and is followed by a space or nothing, or -1. */
    private static int phraseEnd(List<Pattern> phrases, Expectation.Style expected, String text, int from) {
        int longest = -1;
        for (Pattern phrase : phrases) {
            Matcher matcher = phrase.matcher(text).region(from, text.length());
            if (matcher.lookingAt() && (matcher.end() == text.length() || text.charAt(matcher.end()) == ' ')
                    && (matcher.groupCount() == 0 || matcher.group(1).equals(expected.order()))) {
                longest = Math.max(longest, matcher.end());
            }
        }
        return longest;
    }

    private boolean refuses(Expectation.Refusal expected, String text) {
        return refusals.getOrDefault(expected.language(), List.of()).contains(text);
    }

    /** Whether the text holds the value, ignoring case, and not only as a part of a longer word or number. */
    static boolean holds(String text, String value) {
        String words = text.toLowerCase(Locale.ROOT);
        String wanted = value.toLowerCase(Locale.ROOT);
        for (int at = words.indexOf(wanted); at >= 0; at = words.indexOf(wanted, at + 1)) {
            int end = at + wanted.length();
            if (!joins(words, at) && !joins(words, end)) {
                return true;
            }
        }
        return false;
    }

    /** Whether the characters before and at this index belong to one word. Thai writes words without spaces. */
    private static boolean joins(String text, int at) {
        return at > 0 && at < text.length() && isWordPart(text.charAt(at - 1)) && isWordPart(text.charAt(at))
                && !(isThai(text.charAt(at - 1)) && isThai(text.charAt(at)));
    }

    private static boolean isWordPart(char c) {
        return Character.isLetterOrDigit(c) || Character.getType(c) == Character.NON_SPACING_MARK
                || Character.getType(c) == Character.COMBINING_SPACING_MARK;
    }

    private static boolean isThai(char c) {
        return Character.UnicodeScript.of(c) == Character.UnicodeScript.THAI;
    }

    private static String text(Answer answer) {
        return switch (answer) {
            case Answer.Content content -> content.text().strip();
            // A call where words are expected is never right.
            case Answer.ToolCalls _ -> "";
        };
    }

    private static Optional<ObjectNode> object(String text) {
        try {
            JsonNode json = MAPPER.readTree(text);
            return json instanceof ObjectNode object ? Optional.of(object) : Optional.empty();
        } catch (JsonProcessingException e) {
            // An answer that is no JSON is simply not right.
            return Optional.empty();
        }
    }
}
