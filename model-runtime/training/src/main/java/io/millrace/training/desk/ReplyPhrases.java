package io.millrace.training.desk;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The desk's own sentences, in forms that an answer can be compared with. */
final class ReplyPhrases {
    private static final Pattern ORDER = Pattern.compile("\\{order}");

    private ReplyPhrases() {}

    /** The replies of a tone; a pattern's only group, if it has one, is the order number. */
    static List<Pattern> patterns(Phrases phrases, Tone tone) {
        return sentences(phrases, tone).stream().map(ReplyPhrases::pattern).toList();
    }

    /** The same with their slots left open. */
    static List<String> sentences(Phrases phrases, Tone tone) {
        return phrases.reply().values().stream().map(byTone -> byTone.get(tone)).filter(Objects::nonNull)
                .flatMap(reply -> Stream.of(reply.ack(), reply.action(), reply.order())).flatMap(List::stream)
                .flatMap(template -> template.variants().stream()).distinct().toList();
    }

    /** Every way to say that something is not known. */
    static List<String> refusals(Phrases phrases) {
        List<Template> templates = new ArrayList<>(phrases.absent().reply());
        phrases.facts().values().forEach(fact -> templates.addAll(fact.unknown()));
        return templates.stream().flatMap(template -> template.variants().stream()).distinct().toList();
    }

    private static Pattern pattern(String text) {
        StringBuilder pattern = new StringBuilder();
        String[] parts = ORDER.split(text, -1);
        for (int i = 0; i < parts.length; i++) {
            pattern.append(i == 0 ? "" : "(\\d+)").append(Pattern.quote(parts[i]));
        }
        return Pattern.compile(pattern.toString());
    }
}
