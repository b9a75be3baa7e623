package io.millrace.job.demo;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.runtime.prompt.ToolCall;
import java.util.Map;

/** The systems of the demo's shop, in memory: they answer the calls that the model makes. */
final class Shop {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final Map<String, Order> ORDERS = Map.of("50977", new Order("shipped", "84.50"), "62075",
            new Order("processing", "139.00"), "27394", new Order("delivered", "45.90"), "75120",
            new Order("returned", "23.99"));

    private record Order(String status, String total) {}

    private Shop() {}

    /** The result of a call, as JSON. A model can write any call: what cannot be answered is told. */
    static String answer(ToolCall call) {
        String number;
        try {
            number = JSON.readTree(call.arguments()).path("order_id").asText();
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("arguments of a call are an object", e);
        }
        Order order = ORDERS.get(number);
        if (order == null) {
            return result("error", "unknown order");
        }
        return switch (call.name()) {
            case "order_status" -> result("status", order.status);
            case "order_total" -> result("value", order.total);
            default -> result("error", "unknown tool");
        };
    }

    private static String result(String field, String value) {
        return JSON.createObjectNode().put(field, value).toString();
    }
}
