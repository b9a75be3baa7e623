package io.millrace.training.desk;

import com.fasterxml.jackson.annotation.JsonCreator;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedSet;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A sentence with slots and alternatives: <code>{slot}</code> is filled in, <code>[a|b|]</code> is one of the alternatives,
 * which may be empty or hold slots but no alternatives. Immutable.
 */
final class Template {
    private static final Pattern SLOT = Pattern.compile("\\{([a-zA-Z_]+)}");
    private static final Pattern SPACES = Pattern.compile(" {2,}");
    private static final Pattern SPACE_BEFORE_MARK = Pattern.compile(" +([,.।])");

    private final String source;
    /** The text in order: each piece is one of its alternatives, fixed text has one. */
    private final List<List<String>> pieces;
    private final Set<String> slots;

    private Template(String source, List<List<String>> pieces, SequencedSet<String> slots) {
        this.source = source;
        this.pieces = List.copyOf(pieces);
        // In the order of the text: what is drawn must not depend on the order of a hash.
        this.slots = Collections.unmodifiableSet(slots);
    }

    /**
     * Reads a template.
     *
     * @throws IllegalArgumentException when a bracket or brace is not closed or alternatives are nested
     */
    @JsonCreator
    static Template parse(String source) {
        List<List<String>> pieces = new ArrayList<>();
        SequencedSet<String> slots = new LinkedHashSet<>();
        for (int from = 0; from < source.length();) {
            int open = source.indexOf('[', from);
            int end = open < 0 ? source.length() : open;
            if (end > from) {
                pieces.add(List.of(checked(source, source.substring(from, end), slots)));
            }
            if (open < 0) {
                break;
            }
            int close = source.indexOf(']', open);
            if (close < 0) {
                throw new IllegalArgumentException("'" + source + "': close the bracket of the alternatives");
            }
            pieces.add(List.of(checked(source, source.substring(open + 1, close), slots).split("\\|", -1)));
            from = close + 1;
        }
        return new Template(source, pieces, slots);
    }

    private static String checked(String source, String text, Set<String> slots) {
        if (text.indexOf('[') >= 0 || text.indexOf(']') >= 0) {
            throw new IllegalArgumentException("'" + source + "': alternatives are [a|b], without brackets inside");
        }
        Matcher slot = SLOT.matcher(text);
        while (slot.find()) {
            slots.add(slot.group(1));
        }
        String rest = SLOT.matcher(text).replaceAll("");
        if (rest.indexOf('{') >= 0 || rest.indexOf('}') >= 0) {
            throw new IllegalArgumentException("'" + source + "': a slot is a name in braces, such as {order}");
        }
        return text;
    }

    /** The names of its slots. */
    Set<String> slots() {
        return slots;
    }

    /** The text with alternatives drawn and slots filled. */
    String fill(RandomGenerator random, Map<String, String> values) {
        var text = new StringBuilder();
        for (List<String> piece : pieces) {
            text.append(piece.size() == 1 ? piece.getFirst() : piece.get(random.nextInt(piece.size())));
        }
        return fill(text.toString(), values);
    }

    /** Every text that it can be with its slots left open. */
    List<String> variants() {
        List<String> texts = List.of("");
        for (List<String> piece : pieces) {
            texts = texts.stream().flatMap(text -> piece.stream().map(text::concat)).toList();
        }
        return texts.stream().map(Template::tidy).distinct().toList();
    }

    private String fill(String text, Map<String, String> values) {
        if (slots.isEmpty()) {
            return tidy(text);
        }
        Matcher slot = SLOT.matcher(text);
        var filled = new StringBuilder();
        while (slot.find()) {
            String value = values.get(slot.group(1));
            if (value == null) {
                throw new IllegalStateException("'" + source + "': nothing fills {" + slot.group(1) + "}");
            }
            slot.appendReplacement(filled, Matcher.quoteReplacement(value));
        }
        return tidy(slot.appendTail(filled).toString());
    }

    /** Alternatives that are empty leave spaces behind. */
    private static String tidy(String text) {
        return SPACE_BEFORE_MARK.matcher(SPACES.matcher(text.strip()).replaceAll(" ")).replaceAll("$1");
    }

    @Override
    public String toString() {
        return source;
    }
}
