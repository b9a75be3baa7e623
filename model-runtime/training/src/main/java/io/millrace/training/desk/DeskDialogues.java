package io.millrace.training.desk;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Conversations about facts that were told or were not, and replies in a style. */
final class DeskDialogues {
    private static final double MESSAGE_FIRST = 0.5;

    private DeskDialogues() {}

    /** Facts are told, other turns follow, then a fact is asked back: two or more turns after it was told. */
    static void memory(Draw draw, Conversation conversation) {
        DeskTurns.begin(draw, conversation);
        if (draw.chance(MESSAGE_FIRST)) {
            DeskTurns.message(draw, conversation);
        } else {
            DeskTurns.tellFacts(draw, conversation);
        }
        while (draw.told().isEmpty()) {
            DeskTurns.tellFacts(draw, conversation);
        }
        List<Fact> early = draw.told();
        for (int i = draw.between(1, 3); i > 0; i--) {
            if (draw.chance(0.35)) {
                DeskTurns.tellFacts(draw, conversation);
            } else {
                DeskTurns.smallTalk(draw, conversation);
            }
        }
        Fact asked = draw.pick(early);
        DeskTurns.ask(draw, conversation, asked);
        askOthers(draw, conversation, asked);
    }

    /** Something is asked that nobody said, among what was said. */
    static void refusal(Draw draw, Conversation conversation) {
        DeskTurns.begin(draw, conversation);
        if (draw.chance(0.85)) {
            if (draw.chance(MESSAGE_FIRST)) {
                DeskTurns.message(draw, conversation);
            } else {
                DeskTurns.tellFacts(draw, conversation);
            }
            for (int i = draw.between(0, 2); i > 0; i--) {
                DeskTurns.smallTalk(draw, conversation);
            }
        }
        var untold = EnumSet.allOf(Fact.class);
        untold.removeAll(draw.told());
        @Nullable
        Fact asked = untold.isEmpty() || draw.chance(0.45) ? null : draw.pick(List.copyOf(untold));
        if (asked == null) {
            DeskTurns.askAbsent(draw, conversation);
        } else {
            DeskTurns.ask(draw, conversation, asked);
        }
        askOthers(draw, conversation, asked);
    }

    /**
     * In training, where a conversation that is read once shall teach much, the other facts are asked too, each once: a second
     * answer could be copied from the first. Told or not, so that nothing but what was said tells which.
     */
    private static void askOthers(Draw draw, Conversation conversation, @Nullable Fact asked) {
        if (draw.part() == Part.HELD_OUT) {
            return;
        }
        for (Fact fact : draw.shuffled(List.of(Fact.values()))) {
            if (fact != asked && draw.chance(0.8)) {
                DeskTurns.ask(draw, conversation, fact);
            }
            if (draw.chance(0.1)) {
                DeskTurns.askAbsent(draw, conversation);
            }
        }
    }

    /** A message is answered as the system prompt demands. */
    static void steering(Draw draw, Conversation conversation) {
        SystemPrompts prompts = draw.prompts();
        boolean plainDesk = draw.part() == Part.TRAIN && draw.chance(0.25);
        @Nullable
        Language language = !plainDesk && draw.chance(0.5) ? draw.pick(Language.values()) : null;
        @Nullable
        Tone tone = !plainDesk && draw.chance(0.6) ? draw.pick(Tone.values()) : null;
        int length = !plainDesk && draw.chance(0.5) ? draw.between(1, 2) : 0;
        @Nullable
        ReplyFormat format = !plainDesk && draw.chance(0.5) ? draw.pick(ReplyFormat.values()) : null;
        List<Split<Template>> clauses = new ArrayList<>();
        if (language != null) {
            clauses.add(prompts.language());
        }
        if (tone != null) {
            clauses.add(known(prompts.tone().get(tone)));
        }
        if (length > 0) {
            clauses.add(length == 1 ? prompts.length().one() : prompts.length().two());
        }
        if (format != null) {
            clauses.add(known(prompts.format().get(format)));
        }
        if (clauses.isEmpty()) {
            DeskTurns.begin(draw, conversation);
        } else {
            String named = language == null ? "" : language.englishName();
            List<Split<Template>> ordered = new ArrayList<>(draw.shuffled(clauses));
            if (draw.chance(0.8)) {
                ordered.addFirst(prompts.desk());
            }
            conversation.system(ordered.stream()
                    .map(clause -> draw.sentence(draw.pick(clause), Map.of("language", named)))
                    .collect(Collectors.joining(" ")));
        }
        int fewest = draw.part() == Part.TRAIN ? 2 : 1;
        for (int i = clauses.isEmpty() ? 1 : draw.between(fewest, 2 * fewest); i > 0; i--) {
            styled(draw, conversation, language == null ? draw.language() : language, tone, length,
                    format == null ? ReplyFormat.PLAIN : format);
        }
        for (int i = draw.part() == Part.TRAIN && clauses.isEmpty() ? draw.between(0, 3) : 0; i > 0; i--) {
            DeskTurns.any(draw, conversation);
        }
    }

    private static void styled(Draw draw, Conversation conversation, Language language, @Nullable Tone tone, int length,
            ReplyFormat format) {
        CustomerMessage message = CustomerMessage.draw(draw);
        conversation.user(message.text());
        List<String> sentences = DeskTurns.sentences(draw, message, language, tone == null ? Tone.FRIENDLY : tone,
                length == 0 ? 2 : length);
        String reply = switch (format) {
            case PLAIN -> String.join(" ", sentences);
            case LIST -> sentences.stream().map(sentence -> "- " + sentence).collect(Collectors.joining("\n"));
            case JSON -> "{\"reply\": \"" + new String(JsonStringEncoder.getInstance()
                    .quoteAsString(String.join(" ", sentences))) + "\"}";
        };
        conversation.answer(reply, new Expectation.Style(language, tone, length, format, message.order()));
    }

    private static Split<Template> known(@Nullable Split<Template> clause) {
        if (clause == null) {
            throw new IllegalStateException("system.json lacks a clause");
        }
        return clause;
    }
}
