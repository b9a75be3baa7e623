package io.millrace.training.desk;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A customer's message and what is true of it.
 *
 * @param order the order number that it names, or null
 */
record CustomerMessage(String text, Category category, Sentiment sentiment, Urgency urgency, @Nullable String order) {
    private static final double OPENING = 0.5;
    private static final double CLOSING = 0.4;
    private static final double ORDER_SENTENCE = 0.45;
    private static final double DISTRACTOR = 0.2;
    private static final double SHUFFLED = 0.35;
    private static final double CARELESS = 0.1;

    /** Draws a message of the draw's customer. */
    static CustomerMessage draw(Draw draw) {
        Phrases.MessagePhrases phrases = draw.phrases().message();
        Category category = draw.pick(Category.values());
        Sentiment sentiment = draw.pick(Sentiment.values());
        Urgency urgency = draw.pick(Urgency.values());
        List<String> sentences = new ArrayList<>();
        Split<Template> about = phrases.category().get(category);
        if (about == null) {
            throw new IllegalStateException("no phrases of " + category);
        }
        Template template = draw.pick(about);
        sentences.add(draw.tell(template, Map.of()));
        String order = draw.value(Fact.ORDER);
        boolean named = sentences.getFirst().contains(order);
        if (!named && draw.chance(ORDER_SENTENCE)) {
            sentences.add(draw.tell(phrases.order()));
            named = true;
        }
        switch (sentiment) {
            case NEGATIVE -> sentences.add(draw.tell(phrases.sentiment().negative()));
            case POSITIVE -> sentences.add(draw.tell(phrases.sentiment().positive()));
            case NEUTRAL -> {
            }
        }
        switch (urgency) {
            case HIGH -> sentences.add(draw.tell(phrases.urgency().high()));
            case LOW -> sentences.add(draw.tell(phrases.urgency().low()));
            case MEDIUM -> {
            }
        }
        if (draw.chance(DISTRACTOR)) {
            sentences.add(distractor(draw));
        }
        if (draw.chance(SHUFFLED)) {
            sentences = draw.shuffled(sentences);
        }
        if (draw.chance(OPENING)) {
            sentences.addFirst(draw.tell(phrases.opening()));
        }
        if (draw.chance(CLOSING)) {
            sentences.add(draw.tell(phrases.closing()));
        }
        sentences.removeIf(String::isEmpty);
        String text = careless(draw, draw.strange(String.join(" ", sentences)));
        return new CustomerMessage(text, category, sentiment, urgency, named ? order : null);
    }

    static String distractor(Draw draw) {
        Map<String, String> numbers = Map.of("count", String.valueOf(draw.between(2, 60)), "year",
                String.valueOf(draw.between(1998, 2024)));
        return draw.sentence(draw.pick(draw.remarks().distractor()), numbers);
    }

    /** People write in haste: without a capital, without the last mark. */
    static String careless(Draw draw, String text) {
        String written = draw.chance(CARELESS) ? Character.toLowerCase(text.charAt(0)) + text.substring(1) : text;
        boolean unmarked = draw.chance(CARELESS) && ".?!।".indexOf(written.charAt(written.length() - 1)) >= 0;
        return unmarked ? written.substring(0, written.length() - 1) : written;
    }
}
