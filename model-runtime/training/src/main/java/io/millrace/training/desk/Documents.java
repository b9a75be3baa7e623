package io.millrace.training.desk;

import io.millrace.runtime.prompt.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Plain texts for pre-training: records and questions about them, messages with their labels, dialogues as a protocol, lines
 * that repeat, words in no order. Most of them can be continued well only by copying, which is what a small model needs to
 * learn first.
 */
final class Documents {
    private static final List<String> LETTERS = List.of("a", "b", "d", "e", "f", "g", "i", "k", "l", "m", "n", "o", "p",
            "r",
            "s", "t", "u", "v");

    private record Customer(String order, String name, String city, String product) {}

    private Documents() {}

    static String write(Draw draw) {
        return switch (draw.between(0, 15)) {
            case 0, 1 -> table(draw);
            case 2 -> json(draw);
            case 3, 4 -> repeated(draw);
            case 5 -> labelled(draw);
            case 6 -> facts(draw);
            case 7 -> pairs(draw);
            case 8, 9, 10, 11, 12, 13 -> shuffled(draw);
            default -> protocol(draw);
        };
    }

    private static List<Customer> customers(Draw draw, int count) {
        return IntStream.range(0, count).mapToObj(_ -> {
            draw.changeCustomer(draw.language());
            return new Customer(draw.value(Fact.ORDER), draw.value(Fact.NAME), draw.value(Fact.CITY),
                    draw.value(Fact.PRODUCT));
        }).toList();
    }

    /** A list of orders, then lines that look one up by another field. */
    private static String table(Draw draw) {
        List<Customer> customers = customers(draw, draw.between(3, 6));
        var text = new StringBuilder();
        for (Customer customer : customers) {
            text.append(customer.order).append(" | ").append(customer.name).append(" | ").append(customer.city)
                    .append(" | ").append(customer.product).append('\n');
        }
        text.append('\n');
        for (Customer customer : draw.shuffled(customers)) {
            text.append(draw.pick(List.of(customer.name + ": " + customer.order, customer.order + ": " + customer.name,
                    customer.order + ": " + customer.city, customer.name + ": " + customer.product,
                    customer.product + ": " + customer.city))).append('\n');
        }
        return text.toString();
    }

    /** A record as JSON and in words. */
    private static String json(Draw draw) {
        return customers(draw, draw.between(1, 3)).stream()
                .map(customer -> "{\"order\": \"" + customer.order + "\", \"name\": \"" + customer.name
                        + "\", \"city\": \""
                        + customer.city + "\", \"product\": \"" + customer.product + "\"}\norder: " + customer.order
                        + "\nname: " + customer.name + "\ncity: " + customer.city + "\nproduct: " + customer.product
                        + "\n")
                .collect(Collectors.joining("\n"));
    }

    /** Lines of words, numbers and names, in the same order again, and again. */
    private static String repeated(Draw draw) {
        List<String> words = IntStream.range(0, draw.between(3, 9)).mapToObj(_ -> switch (draw.between(0, 4)) {
            case 0 -> draw.order();
            case 1 -> draw.pick(draw.phrases().names());
            case 2 -> draw.pick(draw.phrases().cities());
            case 3 -> draw.pick(draw.phrases().tools().nouns()).name();
            default -> IntStream.range(0, draw.between(3, 9)).mapToObj(_ -> draw.pick(LETTERS))
                    .collect(Collectors.joining());
        }).toList();
        String line = String.join(draw.pick(List.of(" ", ", ", "; ", "\n", " - ")), words);
        return IntStream.range(0, draw.between(2, 4)).mapToObj(_ -> line).collect(Collectors.joining("\n", "", "\n"));
    }

    /** Words of messages in no order, and the same words again and again: nothing but copying foretells the second line. Short
     * lines teach to copy from nearby, which is the first step. */
    private static String shuffled(Draw draw) {
        List<String> words = Stream.generate(() -> {
            draw.changeCustomer(draw.pick(Language.values()));
            return CustomerMessage.draw(draw).text();
        }).limit(3).flatMap(text -> Stream.of(text.split("\\s+"))).toList();
        int period = draw.pick(List.of(draw.between(2, 5), draw.between(6, 12), draw.between(13, 30)));
        String line = draw.shuffled(words).stream().limit(period).collect(Collectors.joining(" ", "", "\n"));
        return line.repeat(Math.clamp(60 / period, 2, 6));
    }

    /** A message with its labels. */
    private static String labelled(Draw draw) {
        var text = new StringBuilder();
        for (int i = draw.between(1, 3); i > 0; i--) {
            draw.changeCustomer(draw.pick(Language.values()));
            CustomerMessage message = CustomerMessage.draw(draw);
            text.append(message.text()).append("\nlanguage: ").append(draw.language().code()).append(", ")
                    .append(draw.language().englishName()).append("\ncategory: ").append(message.category().label())
                    .append("\nsentiment: ").append(message.sentiment().label()).append("\nurgency: ")
                    .append(message.urgency().label()).append("\norder: ")
                    .append(message.order() == null ? "null" : message.order()).append("\n\n");
        }
        return text.toString();
    }

    /** Facts told by customers, and each given back. */
    private static String facts(Draw draw) {
        var text = new StringBuilder();
        for (int i = draw.between(1, 2); i > 0; i--) {
            draw.changeCustomer(draw.language());
            List<Fact> facts = draw.shuffled(List.of(Fact.values())).subList(0, draw.between(2, 4));
            for (Fact fact : facts) {
                text.append(draw.tell(phrases(draw, fact).say())).append('\n');
            }
            for (Fact fact : draw.shuffled(facts)) {
                text.append(draw.sentence(draw.pick(phrases(draw, fact).ask()), Map.of())).append(' ')
                        .append(draw.sentence(phrases(draw, fact).answer())).append('\n');
            }
        }
        return text.toString();
    }

    private static Phrases.FactPhrases phrases(Draw draw, Fact fact) {
        return Objects.requireNonNull(draw.phrases().facts().get(fact));
    }

    /** What a tool is asked, called with, returns and is told about. */
    private static String pairs(Draw draw) {
        var text = new StringBuilder();
        for (Phrases.Noun noun : draw.shuffled(draw.phrases().tools().nouns().train()).subList(0, draw.between(2, 5))) {
            draw.changeCustomer(draw.language());
            String order = draw.value(Fact.ORDER);
            String value = draw.amount();
            Map<String, String> values = Map.of("noun", noun.text(), "value", value);
            text.append(draw.sentence(
                    draw.pick(Objects.requireNonNull(draw.phrases().tools().ask().get(Fact.ORDER))), values))
                    .append("\n{\"name\": \"").append(noun.name()).append("\", \"parameters\": {\"order_id\": \"")
                    .append(order).append("\"}}\n{\"value\": \"").append(value).append("\"}\n")
                    .append(draw.sentence(draw.pick(draw.phrases().tools().answer()), values)).append("\n\n");
        }
        return text.toString();
    }

    /** A conversation with the desk. */
    private static String protocol(Draw draw) {
        var conversation = new Conversation();
        if (draw.chance(0.5)) {
            DeskDialogues.memory(draw, conversation);
        } else {
            DeskDialogues.refusal(draw, conversation);
        }
        List<String> lines = new ArrayList<>();
        Dialogue dialogue = conversation.dialogue("protocol", Skill.MEMORY, draw.language());
        for (Exchange exchange : dialogue.exchanges()) {
            exchange.input().stream().map(Message::content).forEach(lines::add);
            lines.add("- " + exchange.answer().content());
        }
        return String.join("\n", lines) + "\n";
    }
}
