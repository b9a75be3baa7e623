package io.millrace.operator.session;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StreamGateTest {

    @Test
    void withoutToolsAllTextGoesOut() {
        assertThat(StreamGate.open(new StringBuilder("{\"name\": "), 0, false)).isEqualTo(9);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {"\"Hello\"|5", "\"Hello \"|5", "\"Hello \n\"|5",
            "\"{\"|0", "\"[f()\"|0", "\" Hello\"|0", "\"\"|0", "\"Hi <\"|2", "\"Hi <func\"|2", "\"Hi <func>\"|9",
            "\"Hi <function=f>{}\"|2", "\"<function=f>\"|0", "\"a < b\"|5", "\"a{\"|2"})
    void withToolsTextThatMayBeACallIsHeldBack(String text, int open) {
        assertThat(StreamGate.open(new StringBuilder(text), 0, true)).isEqualTo(open);
    }

    @Test
    void whatWasSaidIsNeverTakenBack() {
        assertThat(StreamGate.open(new StringBuilder("Hi  "), 2, true)).isEqualTo(2);
        assertThat(StreamGate.open(new StringBuilder("Hi {"), 3, true)).isEqualTo(4);
    }
}
