package io.millrace.training.desk;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.runtime.prompt.ToolCall;
import io.millrace.runtime.prompt.ToolDefinition;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Conversations with tools that are made up for them: their names, parameters and topics differ each time, so that a model
 * must read the definitions. Held-out ones have other verbs, nouns and parameters than those of training.
 */
final class InventedTools {
    private static final Split<String> VERBS = new Split<>(
            List.of("get", "find", "fetch", "lookup", "check", "read", "show", "query", "load", "list", "search",
                    "retrieve", "return", "tell", "give", "call", "run", "ask", "pull", "scan"),
            List.of("obtain", "determine", "inspect", "resolve", "request"));
    private static final Split<String> SUFFIXES = new Split<>(
            List.of("", "", "", "_api", "_v2", "_tool", "_service", "_info", "_data", "_3", "_value", "_now"),
            List.of("", "", "_v4", "_lookup", "_db"));
    private static final Map<Fact, Split<String>> PARAMETERS = Map.of(
            Fact.ORDER, new Split<>(
                    List.of("order_id", "order", "order_no", "id", "reference", "order_ref", "purchase", "order_key"),
                    List.of("order_number", "order_code", "ticket")),
            Fact.CITY, new Split<>(List.of("city", "place", "town", "destination", "city_name", "where", "region"),
                    List.of("location", "target_city", "area")),
            Fact.NAME, new Split<>(List.of("name", "customer", "customer_name", "person", "who", "client", "user"),
                    List.of("buyer", "first_name", "contact")),
            Fact.PRODUCT,
            new Split<>(List.of("product", "item", "article", "product_name", "thing", "goods", "item_name"),
                    List.of("object", "article_name", "sku")));
    private static final Map<Fact, String> MEANINGS = Map.of(Fact.ORDER, "the order number", Fact.CITY, "the city",
            Fact.NAME, "the customer's name", Fact.PRODUCT, "the product");
    private static final Split<String> ONSETS = new Split<>(
            List.of("b", "d", "f", "k", "l", "m", "n", "p", "r", "s", "t", "v", "br", "tr", "st"),
            List.of("g", "h", "j", "z", "pl", "sn"));
    private static final List<String> RIMES = List.of("a", "e", "i", "o", "u", "an", "el", "or", "in", "us", "ak");

    private static final Pattern HELD_OUT_WORD = Pattern.compile(
            "((" + String.join("|", ONSETS.heldOut()) + ")(" + String.join("|", RIMES) + "))+");

    /** A tool and the question that it answers. */
    private record Tool(ToolDefinition definition, Phrases.Noun noun, List<Parameter> parameters) {}

    private record Parameter(String name, Fact fact, boolean integer) {}

    private InventedTools() {}

    static void write(Draw draw, Conversation conversation) {
        List<Phrases.Noun> nouns = draw.shuffled(draw.phrases().tools().nouns().of(draw.part())).subList(0,
                draw.part() == Part.TRAIN ? draw.pick(List.of(1, 2, 3, 3)) : draw.pick(List.of(1, 2, 2, 3)));
        List<Tool> tools = nouns.stream().map(noun -> tool(draw, draw.noun(noun))).toList();
        List<ToolDefinition> definitions = new ArrayList<>(tools.stream().map(Tool::definition).toList());
        if (draw.part() == Part.TRAIN && definitions.size() < 3 && draw.chance(0.15)) {
            definitions.add(draw.pick(ToolDialogues.KnownTool.values()).definition());
        }
        conversation.offer(draw.shuffled(definitions));
        DeskTurns.begin(draw, conversation);
        if (draw.part() == Part.TRAIN && draw.chance(0.15)) {
            DeskTurns.any(draw, conversation);
        }
        ask(draw, conversation, draw.pick(tools));
        // The definitions are most of a conversation: in training they serve several questions, with other facts each,
        // as many as fit into a sequence.
        for (int i = draw.part() == Part.TRAIN ? draw.between(1, 5 - definitions.size()) : 0; i > 0; i--) {
            draw.changeCustomer(draw.language());
            ask(draw, conversation, draw.pick(tools));
        }
    }

    private static Tool tool(Draw draw, Phrases.Noun noun) {
        List<Fact> facts = draw.shuffled(List.of(Fact.values())).subList(0, draw.chance(0.25) ? 2 : 1);
        boolean described = facts.size() > 1 || draw.chance(0.4);
        List<Parameter> parameters = facts.stream().map(fact -> parameter(draw, fact, described)).toList();
        ObjectNode schema = JsonNodeFactory.instance.objectNode().put("type", "object");
        ObjectNode properties = schema.putObject("properties");
        var required = schema.putArray("required");
        for (Parameter parameter : parameters) {
            ObjectNode property = properties.putObject(parameter.name).put("type",
                    parameter.integer ? "integer" : "string");
            if (described) {
                property.put("description", MEANINGS.get(parameter.fact));
            }
            required.add(parameter.name);
        }
        String description = draw.sentence(draw.pick(draw.phrases().tools().describe()), Map.of("noun", noun.text()));
        return new Tool(new ToolDefinition(toolName(draw, noun), description, schema.toString()), noun, parameters);
    }

    private static Parameter parameter(Draw draw, Fact fact, boolean described) {
        Split<String> names = Objects.requireNonNull(PARAMETERS.get(fact));
        boolean free = draw.part() == Part.TRAIN ? draw.chance(0.5) : described && draw.chance(0.3);
        String name = free ? word(draw) : styled(draw, draw.pick(names));
        if (draw.part() == Part.TRAIN && names.heldOut().contains(name)) {
            return parameter(draw, fact, described);
        }
        return new Parameter(name, fact, fact == Fact.ORDER && draw.chance(0.3));
    }

    private static String toolName(Draw draw, Phrases.Noun noun) {
        return switch (draw.between(0, 9)) {
            case 0, 1 -> styled(draw, word(draw) + "_" + word(draw));
            case 2 -> styled(draw, noun.name() + "_" + verb(draw));
            case 3 -> styled(draw, verb(draw) + "_" + word(draw));
            default -> styled(draw, verb(draw) + "_" + noun.name() + suffix(draw));
        };
    }

    /** In training half of them are blends: of a verb that differs each time, only the definition tells the letters. */
    private static String verb(Draw draw) {
        String verb = draw.pick(VERBS);
        if (draw.part() == Part.TRAIN && draw.chance(0.5)) {
            verb = Blend.of(verb, draw.pick(VERBS), draw.random());
        }
        return VERBS.heldOut().contains(verb) == (draw.part() == Part.HELD_OUT) ? verb : verb(draw);
    }

    /** In training half of those that are not empty are made up. */
    private static String suffix(Draw draw) {
        String suffix = draw.pick(SUFFIXES);
        if (draw.part() == Part.TRAIN && draw.chance(0.4)) {
            suffix = "_" + switch (draw.between(0, 2)) {
                case 0 -> "v" + draw.between(1, 99);
                case 1 -> String.valueOf(draw.between(1, 9999));
                default -> word(draw);
            };
        }
        return draw.part() == Part.TRAIN && !suffix.isEmpty() && SUFFIXES.heldOut().contains(suffix)
                ? suffix(draw)
                : suffix;
    }

    /** A word that no language has. Those of training never have held-out onsets alone. */
    private static String word(Draw draw) {
        if (draw.part() == Part.TRAIN && draw.chance(0.5)) {
            String letters = IntStream.range(0, draw.between(3, 9))
                    .mapToObj(_ -> String.valueOf((char) ('a' + draw.between(0, 25)))).collect(Collectors.joining());
            return HELD_OUT_WORD.matcher(letters).matches() ? word(draw) : letters;
        }
        return IntStream.range(0, draw.between(2, 3)).mapToObj(_ -> draw.pick(ONSETS) + draw.pick(RIMES))
                .collect(Collectors.joining());
    }

    /** The words in snake_case, camelCase or kebab-case. */
    private static String styled(Draw draw, String words) {
        return switch (draw.between(0, 4)) {
            case 0 -> {
                String joined = Arrays.stream(words.split("_", -1)).map(Draw::capital).collect(Collectors.joining());
                yield Character.toLowerCase(joined.charAt(0)) + joined.substring(1);
            }
            case 1 -> words.replace('_', '-');
            default -> words;
        };
    }

    private static void ask(Draw draw, Conversation conversation, Tool tool) {
        Fact asked = tool.parameters.getFirst().fact;
        Phrases.ToolPhrases phrases = draw.phrases().tools();
        Template question = draw.pick(Objects.requireNonNull(phrases.ask().get(asked)));
        List<String> sentences = new ArrayList<>();
        for (Parameter parameter : tool.parameters) {
            if (parameter.fact != asked) {
                sentences.add(draw.tell(Objects.requireNonNull(draw.phrases().facts().get(parameter.fact)).say()));
            }
        }
        sentences.add(draw.tell(question, Map.of("noun", tool.noun.text())));
        String text = String.join(" ", sentences);
        conversation.user(text);
        ObjectNode arguments = JsonNodeFactory.instance.objectNode();
        for (Parameter parameter : tool.parameters) {
            String value = draw.value(parameter.fact);
            if (parameter.integer) {
                arguments.put(parameter.name, Integer.parseInt(value));
            } else {
                arguments.put(parameter.name, value);
            }
        }
        String written = arguments.propertyStream().map(field -> "\"" + field.getKey() + "\": " + field.getValue())
                .collect(Collectors.joining(", ", "{", "}"));
        conversation.call(new ToolCall(tool.definition.name(), written),
                new Expectation.Call(tool.definition.name(), arguments.propertyStream()
                        .collect(Collectors.toMap(Map.Entry::getKey, field -> field.getValue().toString()))));
        String value = value(draw);
        String key = draw.pick(List.of("value", "value", "result", "answer", "data"));
        conversation.result("{\"" + key + "\": \"" + value + "\"}");
        conversation.answer(
                draw.sentence(draw.pick(phrases.answer()), Map.of("noun", tool.noun.text(), "value", value)),
                new Expectation.Result(value, text));
    }

    private static String value(Draw draw) {
        return switch (draw.between(0, 4)) {
            case 0 -> draw.amount();
            case 1 -> "20" + draw.between(25, 29) + "-0" + draw.between(1, 9) + "-" + draw.between(10, 28);
            case 2 -> draw.pick(draw.phrases().cities());
            case 3 -> String.valueOf((char) ('A' + draw.between(0, 25))) + (char) ('A' + draw.between(0, 25)) + "-"
                    + draw.between(100, 9999);
            default -> String.valueOf(draw.between(1, 9999));
        };
    }
}
