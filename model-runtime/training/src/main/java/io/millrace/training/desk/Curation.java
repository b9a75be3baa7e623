package io.millrace.training.desk;

import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.runtime.prompt.ToolCall;
import io.millrace.runtime.prompt.ToolDefinition;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * Decides which of a stream's dialogues are kept: those of good quality that are no duplicates. Texts that differ in digits
 * only are near duplicates; a few of them may stand close together. Used by one thread.
 */
final class Curation {

    /** Why a dialogue is dropped. */
    enum Reason {
        /** Too short or too long. */
        LENGTH,
        /** A slot or bracket was left open. */
        UNFILLED,
        /** The customer's words are not in the script of his language. */
        SCRIPT,
        /** A sentence is said twice in one message. */
        REPETITION,
        /** It was there before. */
        DUPLICATE,
        /** The like of it was there often, not long ago. */
        NEAR_DUPLICATE
    }

    private static final int LEAST_BYTES = 20;
    /** Most tokens stand for several bytes, so this keeps dialogues within what a training sequence holds. */
    private static final int MOST_BYTES = 2600;
    private static final int WINDOW = 2000;
    private static final int MOST_NEAR_DUPLICATES = 3;
    private static final Pattern OPEN_SLOT = Pattern.compile("\\{[a-zA-Z]+}|\\[[^\\]]*\\|");
    private static final Pattern DIGITS = Pattern.compile("\\d+");
    private static final Pattern SENTENCE_END = Pattern.compile("(?<=[.!?।]) ");

    private final Set<Long> seen = new HashSet<>();
    private final Deque<Long> recent = new ArrayDeque<>();
    private final Map<Long, Integer> near = new HashMap<>();
    private final Map<Reason, Integer> dropped = new EnumMap<>(Reason.class);

    /** Whether the dialogue stays; it is remembered. */
    boolean keeps(Dialogue dialogue) {
        String text = text(dialogue);
        Reason reason = null;
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        if (bytes < LEAST_BYTES || bytes > MOST_BYTES) {
            reason = Reason.LENGTH;
        } else if (saysAny(dialogue, message -> OPEN_SLOT.matcher(message.content()).find())) {
            reason = Reason.UNFILLED;
        } else if (!isInScript(dialogue)) {
            reason = Reason.SCRIPT;
        } else if (saysAny(dialogue, Curation::repeats)) {
            reason = Reason.REPETITION;
        } else if (!seen.add(hash(PhraseCheck.normal(text)))) {
            reason = Reason.DUPLICATE;
        } else if (isNear(hash(DIGITS.matcher(PhraseCheck.normal(text)).replaceAll("0")))) {
            reason = Reason.NEAR_DUPLICATE;
        }
        if (reason != null) {
            dropped.merge(reason, 1, Integer::sum);
        }
        return reason == null;
    }

    /** How many dialogues were dropped for each reason. */
    Map<Reason, Integer> dropped() {
        return new EnumMap<>(dropped);
    }

    private boolean isNear(long hash) {
        if (near.getOrDefault(hash, 0) >= MOST_NEAR_DUPLICATES) {
            return true;
        }
        near.merge(hash, 1, Integer::sum);
        recent.addLast(hash);
        if (recent.size() > WINDOW) {
            near.computeIfPresent(recent.removeFirst(), (_, count) -> count == 1 ? null : count - 1);
        }
        return false;
    }

    private static boolean saysAny(Dialogue dialogue, Predicate<Message> test) {
        return dialogue.exchanges().stream().anyMatch(
                exchange -> exchange.input().stream().filter(message -> message.role() == Role.USER).anyMatch(test)
                        || test.test(exchange.answer()));
    }

    private static boolean repeats(Message message) {
        Set<String> sentences = new HashSet<>();
        for (String sentence : SENTENCE_END.split(message.content(), -1)) {
            if (!sentences.add(PhraseCheck.normal(sentence))) {
                return true;
            }
        }
        return false;
    }

    private static boolean isInScript(Dialogue dialogue) {
        Message first = dialogue.exchanges().getFirst().input().getLast();
        Character.UnicodeScript script = switch (dialogue.language()) {
            case HI -> Character.UnicodeScript.DEVANAGARI;
            case TH -> Character.UnicodeScript.THAI;
            case EN, DE, FR, IT, PT, ES -> Character.UnicodeScript.LATIN;
        };
        long letters = first.content().codePoints().filter(Character::isLetter).count();
        long right = first.content().codePoints()
                .filter(c -> Character.isLetter(c) && Character.UnicodeScript.of(c) == script).count();
        return 2 * right > letters;
    }

    /** All that is said and offered, in order. */
    static String text(Dialogue dialogue) {
        var text = new StringBuilder();
        for (ToolDefinition tool : dialogue.tools()) {
            text.append(tool.name()).append('\n').append(tool.description()).append('\n').append(tool.parameters())
                    .append('\n');
        }
        for (Exchange exchange : dialogue.exchanges()) {
            exchange.input().forEach(message -> text.append(message.content()).append('\n'));
            text.append(exchange.answer().content());
            for (ToolCall call : exchange.answer().toolCalls()) {
                text.append(call.name()).append(call.arguments());
            }
            text.append('\n');
        }
        return text.toString();
    }

    /** 64 bits of FNV-1a: two of a million texts are alike by chance once in forty million times. */
    private static long hash(String text) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
        }
        return hash;
    }
}
