package io.millrace.job.demo;

import io.millrace.runtime.prompt.ToolDefinition;
import java.util.List;

/** How the demo asks the model to be a shop's support desk. */
public final class Desk {
    /** Asks for one line of JSON about a customer's message. */
    static final String TRIAGE = "You classify support messages. The answer is one JSON object in one line and nothing else.";

    /** Asks for replies to customers. */
    public static final String REPLY = "You are the support desk of a shop.";

    /** What the shop's systems can be asked. */
    static final List<ToolDefinition> TOOLS = List.of(
            tool("order_status", "Returns the status of an order."),
            tool("order_total", "Returns the total price of an order."));

    private Desk() {}

    private static ToolDefinition tool(String name, String description) {
        return new ToolDefinition(name, description,
                "{\"type\": \"object\", \"properties\": {\"order_id\": {\"type\": \"string\"}}, \"required\": [\"order_id\"]}");
    }
}
