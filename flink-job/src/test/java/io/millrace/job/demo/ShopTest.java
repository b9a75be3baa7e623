package io.millrace.job.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.prompt.ToolCall;
import org.junit.jupiter.api.Test;

class ShopTest {

    @Test
    void itKnowsItsOrders() {
        assertThat(Shop.answer(new ToolCall("order_status", "{\"order_id\":\"50977\"}")))
                .isEqualTo("{\"status\":\"shipped\"}");
        assertThat(Shop.answer(new ToolCall("order_total", "{\"order_id\":\"50977\"}")))
                .isEqualTo("{\"value\":\"84.50\"}");
    }

    @Test
    void whatAModelMakesUpIsToldAndFailsNothing() {
        assertThat(Shop.answer(new ToolCall("order_status", "{\"order_id\":\"1\"}")))
                .isEqualTo("{\"error\":\"unknown order\"}");
        assertThat(Shop.answer(new ToolCall("order_status", "{}"))).isEqualTo("{\"error\":\"unknown order\"}");
        assertThat(Shop.answer(new ToolCall("free_lunch", "{\"order_id\":\"50977\"}")))
                .isEqualTo("{\"error\":\"unknown tool\"}");
    }
}
