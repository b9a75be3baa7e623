package io.millrace.runtime.text;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class OneLineTest {

    @Test
    void aLineStaysAsItIs() {
        assertThat(OneLine.of("blk.0: 字 is missing")).isEqualTo("blk.0: 字 is missing");
    }

    @Test
    void controlCharactersAreEscaped() {
        assertThat(OneLine.of("a\nb\r\tc\u0000\u001b[31m\u2028\u0085"))
                .isEqualTo("a\\nb\\r\\tc\\u0000\\u001b[31m\\u2028\\u0085");
    }

    @Test
    void whatIsLongIsCutOff() {
        assertThat(OneLine.of("x".repeat(400))).isEqualTo("x".repeat(400));
        assertThat(OneLine.of("x".repeat(401))).isEqualTo("x".repeat(400) + "...");
        assertThat(OneLine.of("\n".repeat(201))).isEqualTo("\\n".repeat(200) + "...");
    }
}
