package io.millrace.training.desk;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The turns that conversations with the desk are made of. */
final class DeskTurns {
    private static final double SYSTEM_PROMPT = 0.75;

    private DeskTurns() {}

    /** The desk's system prompt; without one it behaves the same. */
    static void begin(Draw draw, Conversation conversation) {
        if (draw.chance(SYSTEM_PROMPT)) {
            conversation.system(draw.sentence(draw.pick(draw.prompts().desk()), Map.of()));
        }
    }

    /** A customer's message and a friendly reply of two sentences. */
    static void message(Draw draw, Conversation conversation) {
        CustomerMessage message = CustomerMessage.draw(draw);
        conversation.user(message.text());
        conversation.answer(String.join(" ", sentences(draw, message, draw.language(), Tone.FRIENDLY, 2)),
                new Expectation.Unscored());
    }

    /** What the desk replies to a message: one sentence says what it does, the first of two takes the message in. */
    static List<String> sentences(Draw draw, CustomerMessage message, Language language, Tone tone, int count) {
        Map<Tone, Phrases.Reply> byTone = draw.phrases(language).reply().get(message.category());
        Phrases.Reply reply = byTone == null ? null : byTone.get(tone);
        if (reply == null) {
            throw new IllegalStateException("no replies in " + language);
        }
        List<String> sentences = new ArrayList<>();
        if (count == 2) {
            sentences.add(draw.sentence(reply.ack()));
        }
        @Nullable
        String order = message.order();
        sentences.add(order == null
                ? draw.sentence(reply.action())
                : draw.sentence(draw.pick(reply.order()), Map.of(Fact.ORDER.slot(), order)));
        return sentences;
    }

    /** The customer tells up to three facts and the desk takes note. */
    static void tellFacts(Draw draw, Conversation conversation) {
        List<Fact> untold = new ArrayList<>(EnumSet.allOf(Fact.class));
        untold.removeAll(draw.told());
        List<Fact> facts = draw.shuffled(untold).subList(0, Math.min(untold.size(), draw.between(1, 3)));
        if (facts.isEmpty()) {
            smallTalk(draw, conversation);
            return;
        }
        List<String> sentences = new ArrayList<>();
        if (draw.chance(0.3)) {
            sentences.add(draw.tell(draw.phrases().message().opening()));
        }
        facts.forEach(fact -> sentences.add(draw.tell(phrases(draw, fact).say())));
        sentences.removeIf(String::isEmpty);
        conversation.user(CustomerMessage.careless(draw, draw.strange(String.join(" ", sentences))));
        conversation.answer(draw.sentence(draw.remarks().noted()), new Expectation.Unscored());
    }

    static void smallTalk(Draw draw, Conversation conversation) {
        Phrases.SmallTalk talk = draw.pick(draw.phrases().smallTalk());
        conversation.user(CustomerMessage.careless(draw, draw.strange(draw.sentence(talk.user(), Map.of()))));
        conversation.answer(draw.sentence(talk.reply(), Map.of()), new Expectation.Unscored());
    }

    /** The customer asks a fact back that he told, or one that he did not. */
    static void ask(Draw draw, Conversation conversation, Fact fact) {
        Phrases.FactPhrases phrases = phrases(draw, fact);
        conversation.user(CustomerMessage.careless(draw, draw.sentence(draw.pick(phrases.ask()), Map.of())));
        if (!draw.hasTold(fact)) {
            conversation.answer(draw.sentence(phrases.unknown()), new Expectation.Refusal(draw.language()));
            return;
        }
        Set<Fact> others = EnumSet.of(Fact.ORDER, Fact.NAME, Fact.CITY);
        others.remove(fact);
        others.retainAll(draw.told());
        List<String> values = draw.values(fact);
        // Somebody in Bath may own a bath towel.
        List<String> otherValues = others.stream().map(draw::value)
                .filter(other -> values.stream().noneMatch(value -> Grader.holds(value, other))).toList();
        conversation.answer(draw.sentence(phrases.answer()), new Expectation.Recall(values, otherValues));
    }

    /** The customer asks what no conversation answers. */
    static void askAbsent(Draw draw, Conversation conversation) {
        Phrases.Absent absent = draw.phrases().absent();
        conversation.user(CustomerMessage.careless(draw, draw.tell(absent.ask())));
        conversation.answer(draw.sentence(absent.reply()), new Expectation.Refusal(draw.language()));
    }

    /** A turn of any kind. */
    static void any(Draw draw, Conversation conversation) {
        switch (draw.between(0, 6)) {
            case 0 -> smallTalk(draw, conversation);
            case 1 -> askAbsent(draw, conversation);
            case 2 -> message(draw, conversation);
            case 3 -> tellFacts(draw, conversation);
            default -> ask(draw, conversation, draw.pick(Fact.values()));
        }
    }

    private static Phrases.FactPhrases phrases(Draw draw, Fact fact) {
        Phrases.FactPhrases phrases = draw.phrases().facts().get(fact);
        if (phrases == null) {
            throw new IllegalStateException("no phrases of " + fact);
        }
        return phrases;
    }
}
