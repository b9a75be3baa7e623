package io.millrace.training.desk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TemplateTest {

    @Test
    void slotsAreFilledAndAlternativesDrawn() {
        Template template = Template.parse("Order {order} is [late|lost][ again|].");
        assertThat(template.slots()).containsExactly("order");
        assertThat(template.variants()).containsExactly("Order {order} is late again.", "Order {order} is late.",
                "Order {order} is lost again.", "Order {order} is lost.");
        assertThat(template.fill(new SplittableRandom(1), Map.of("order", "$1"))).matches("Order \\$1 is .*\\.");
    }

    @Test
    void emptyAlternativesLeaveNoSpaces() {
        assertThat(Template.parse("It has [|] come [|].").fill(new SplittableRandom(1), Map.of()))
                .isEqualTo("It has come.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a [b|c", "a [b [c]|d]", "a {b", "a b}", "a {b c}", "a ]"})
    void whatIsNotClosedIsRejected(String text) {
        assertThatThrownBy(() -> Template.parse(text)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(text);
    }

    @Test
    void aSlotWithoutAValueIsAnError() {
        Template template = Template.parse("{order}");
        assertThatThrownBy(() -> template.fill(new SplittableRandom(1), Map.of()))
                .isInstanceOf(IllegalStateException.class).hasMessageContaining("{order}");
    }
}
