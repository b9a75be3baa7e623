package io.millrace.training.desk;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DrawTest {
    private static final Phrasebook BOOK = Phrasebook.load();

    @ParameterizedTest
    @EnumSource(Language.class)
    void aStrangeWordLeavesTheCustomersValues(Language language) {
        List<String> texts = IntStream.range(0, 200).mapToObj(seed -> {
            Draw draw = new Draw(BOOK, Part.TRAIN, language, new SplittableRandom(seed));
            String text = draw.tell(draw.phrases().message().opening()) + " " + said(draw);
            String strange = draw.strange(text);
            assertThat(strange).contains(draw.value(Fact.NAME), draw.value(Fact.CITY), draw.value(Fact.ORDER));
            assertThat(BOOK.saysHeldOutWord(language, strange)).isFalse();
            return strange.equals(text) ? "" : strange;
        }).toList();

        assertThat(texts).filteredOn(String::isEmpty).hasSizeBetween(60, 190);
    }

    @ParameterizedTest
    @EnumSource(Language.class)
    void whatIsHeldOutIsNotStrange(Language language) {
        assertThat(IntStream.range(0, 50)).allSatisfy(seed -> {
            Draw draw = new Draw(BOOK, Part.HELD_OUT, language, new SplittableRandom(seed));
            String text = said(draw);
            assertThat(draw.strange(text)).isEqualTo(text);
        });
    }

    private static String said(Draw draw) {
        return "%s %s %s".formatted(draw.value(Fact.NAME), draw.value(Fact.CITY), draw.value(Fact.ORDER));
    }
}
