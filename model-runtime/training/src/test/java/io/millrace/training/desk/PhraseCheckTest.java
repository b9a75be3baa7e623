package io.millrace.training.desk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class PhraseCheckTest {
    private final Phrases english = Phrasebook.load().of(Language.EN);

    private static void check(Phrases phrases) {
        PhraseCheck.checked("en.json", Language.EN, phrases);
    }

    @Test
    void aGoodFilePasses() {
        assertThatCode(() -> check(english)).doesNotThrowAnyException();
    }

    @Test
    void aNameOfBothPartsIsRejectedWhateverItsCase() {
        Split<String> names = english.names();
        var shared = new Split<>(names.train(),
                Stream.concat(names.heldOut().stream(),
                        Stream.of(names.train().getFirst().toUpperCase(Locale.ROOT) + "."))
                        .toList());
        assertThatThrownBy(() -> check(withNames(shared))).hasMessage(
                "en.json: names.heldOut: 'ALICE.' is in train too; change one");
    }

    @Test
    void tooFewPhrasesAreRejected() {
        assertThatThrownBy(() -> check(withNames(new Split<>(english.names().train(), List.of("Zed")))))
                .hasMessage("en.json: names.heldOut: give at least 8");
    }

    @Test
    void aSlotThatNothingFillsIsRejected() {
        var ask = Stream.concat(english.absent().ask().train().stream(), Stream.of(Template.parse("How is {city}?")));
        var absent = new Phrases.Absent(new Split<>(ask.toList(), english.absent().ask().heldOut()),
                english.absent().reply());
        assertThatThrownBy(() -> check(new Phrases(english.code(), english.products(), english.names(),
                english.cities(),
                english.message(), english.facts(), english.smallTalk(), absent, english.reply(), english.tools())))
                .hasMessageStartingWith("en.json: absent.ask.train: 'How is {city}?': {city} is not filled here");
    }

    @Test
    void aFileOfAnotherLanguageIsRejected() {
        assertThatThrownBy(() -> PhraseCheck.checked("de.json", Language.DE, english))
                .hasMessage("de.json: code: expected de");
    }

    @Test
    void caseAndPunctuationMakeNoOtherText() {
        assertThat(PhraseCheck.normal("Hello, {Order}!  Là")).isEqualTo("hello {order} là");
    }

    private Phrases withNames(Split<String> names) {
        return new Phrases(english.code(), english.products(), names, english.cities(), english.message(),
                english.facts(), english.smallTalk(), english.absent(), english.reply(), english.tools());
    }
}
