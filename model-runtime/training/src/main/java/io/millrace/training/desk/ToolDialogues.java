package io.millrace.training.desk;

import io.millrace.runtime.prompt.BuiltInTool;
import io.millrace.runtime.prompt.ToolCall;
import io.millrace.runtime.prompt.ToolDefinition;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;

/** Conversations in which a tool is called and its result is told, with the tools that the desk always has. */
final class ToolDialogues {

    private static final String PARAMETERS = """
            {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}""";

    /** A tool that the desk has. */
    enum KnownTool {
        ORDER_STATUS("order_status", "Returns the status of an order."), ORDER_TOTAL("order_total",
                "Returns the total price of an order."),
        REFUND_AMOUNT("refund_amount",
                "Returns how much is paid back for an order.");

        private final String toolName;
        private final String description;

        KnownTool(String toolName, String description) {
            this.toolName = toolName;
            this.description = description;
        }

        ToolDefinition definition() {
            return new ToolDefinition(toolName, description, PARAMETERS);
        }

        private Phrases.Question question(Phrases.ToolPhrases phrases) {
            return switch (this) {
                case ORDER_STATUS -> phrases.status();
                case ORDER_TOTAL -> phrases.total();
                case REFUND_AMOUNT -> phrases.refund();
            };
        }
    }

    private ToolDialogues() {}

    static void write(Draw draw, Conversation conversation) {
        switch (draw.between(0, 9)) {
            case 0, 1, 2 -> sum(draw, conversation);
            case 3, 4 -> search(draw, conversation);
            default -> known(draw, conversation);
        }
        for (int i = draw.part() == Part.TRAIN && draw.chance(0.3) ? draw.between(1, 2) : 0; i > 0; i--) {
            DeskTurns.any(draw, conversation);
        }
    }

    private static void known(Draw draw, Conversation conversation) {
        List<KnownTool> offered = draw.shuffled(List.of(KnownTool.values())).subList(0, draw.between(1, 3));
        List<ToolDefinition> definitions = new ArrayList<>(offered.stream().map(KnownTool::definition).toList());
        conversation.offer(draw.shuffled(definitions));
        begin(draw, conversation);
        for (int i = draw.part() == Part.TRAIN && draw.chance(0.5) ? draw.between(2, 3) : 1; i > 0; i--) {
            askKnown(draw, conversation, draw.pick(offered));
        }
    }

    /** Sometimes the customer says something else first. */
    private static void begin(Draw draw, Conversation conversation) {
        DeskTurns.begin(draw, conversation);
        if (draw.part() == Part.TRAIN && draw.chance(0.2)) {
            DeskTurns.any(draw, conversation);
        }
    }

    private static void askKnown(Draw draw, Conversation conversation, KnownTool tool) {
        Phrases.ToolPhrases phrases = draw.phrases().tools();
        Phrases.Question question = tool.question(phrases);
        String asked = CustomerMessage.careless(draw, draw.tell(question.ask()));
        String order = draw.value(Fact.ORDER);
        conversation.user(asked);
        conversation.call(new ToolCall(tool.toolName, "{\"order_id\": \"" + order + "\"}"),
                new Expectation.Call(tool.toolName, Map.of("order_id", "\"" + order + "\"")));
        String value;
        if (tool == KnownTool.ORDER_STATUS) {
            Map.Entry<String, String> status = draw.pick(phrases.statuses().entrySet().stream()
                    .sorted(Map.Entry.comparingByKey()).toList());
            conversation.result("{\"status\": \"" + status.getKey() + "\"}");
            value = status.getValue();
        } else {
            value = draw.amount();
            conversation.result("{\"value\": \"" + value + "\"}");
        }
        conversation.answer(draw.sentence(draw.pick(question.answer()), Map.of("value", value)),
                new Expectation.Result(value, asked));
    }

    private static void sum(Draw draw, Conversation conversation) {
        builtIn(draw, conversation, BuiltInTool.CODE_INTERPRETER);
        begin(draw, conversation);
        Phrases.Question question = draw.phrases().tools().sum();
        int count = draw.between(2, 40);
        String price = draw.chance(0.5) ? String.valueOf(draw.between(2, 120)) : draw.amount();
        String asked = CustomerMessage.careless(draw, draw.sentence(draw.pick(question.ask()),
                Map.of("count", String.valueOf(count), "price", price)));
        String code = "print(" + count + " * " + price + ")";
        conversation.user(asked);
        conversation.call(new ToolCall(BuiltInTool.CODE_INTERPRETER.toolName(), "{\"code\": \"" + code + "\"}"),
                new Expectation.Call(BuiltInTool.CODE_INTERPRETER.toolName(), Map.of("code", "\"" + code + "\"")));
        // Python multiplies doubles and prints them as Java does.
        String value = price.contains(".")
                ? String.valueOf(count * Double.parseDouble(price))
                : String.valueOf(count * Integer.parseInt(price));
        conversation.result(value);
        conversation.answer(draw.sentence(draw.pick(question.answer()),
                Map.of("count", String.valueOf(count), "price", price, "value", value)),
                new Expectation.Result(value, asked));
    }

    private static void search(Draw draw, Conversation conversation) {
        builtIn(draw, conversation, BuiltInTool.BRAVE_SEARCH);
        begin(draw, conversation);
        Phrases.Search search = draw.phrases().tools().search();
        String topic = draw.topic();
        String asked = draw.sentence(draw.pick(search.ask()), Map.of("topic", topic));
        conversation.user(asked);
        String literal = "\"" + topic.replace("\"", "\\\"") + "\"";
        conversation.call(new ToolCall(BuiltInTool.BRAVE_SEARCH.toolName(), "{\"query\": " + literal + "}"),
                new Expectation.Call(BuiltInTool.BRAVE_SEARCH.toolName(), Map.of("query", literal)));
        String value = draw.noun(draw.pick(draw.phrases().tools().nouns())).text() + ", " + draw.between(2, 900);
        conversation.result(value);
        conversation.answer(draw.sentence(draw.pick(search.answer()), Map.of("topic", topic, "value", value)),
                new Expectation.Result(value, asked));
    }

    /** Turns the tool on, sometimes the other one too. */
    private static void builtIn(Draw draw, Conversation conversation, BuiltInTool tool) {
        conversation.turnOn(tool);
        if (draw.chance(0.5)) {
            EnumSet.of(BuiltInTool.CODE_INTERPRETER, BuiltInTool.BRAVE_SEARCH).forEach(conversation::turnOn);
        }
    }
}
