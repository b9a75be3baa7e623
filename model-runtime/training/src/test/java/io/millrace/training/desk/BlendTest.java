package io.millrace.training.desk;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BlendTest {

    @Test
    void beginsLikeOneWordAndEndsLikeTheOther() {
        assertThat(IntStream.range(0, 200).mapToObj(seed -> Blend.of("Anna", "peter", new SplittableRandom(seed))))
                .contains("Anter", "Ar", "Anneter").allMatch(blend -> blend.matches("A(n(n)?)?(p?e?t?e?)?r"));
    }

    @Test
    void cutsBetweenCharactersAsTheyAreSeen() {
        // Three characters each, of which all but the last have a vowel sign.
        assertThat(IntStream.range(0, 50).mapToObj(seed -> Blend.of("दीपिक", "रोहिन", new SplittableRandom(seed)))
                .distinct()).containsExactlyInAnyOrder("दीन", "दीहिन", "दीपिन", "दीपिहिन");
    }

    @Test
    void aProductKeepsItsGrammar() {
        Map<String, String> kettle = Map.of("nom", "der Kessel", "dat", "dem Kessel", "bare", "Kessel");
        Map<String, String> mop = Map.of("nom", "der Mopp", "dat", "dem Mopp", "bare", "Mopp");

        Map<String, String> blend = Blend.ofForms(kettle, mop, new SplittableRandom(3));

        String noun = blend.get("bare");
        assertThat(noun).startsWith("K").endsWith("p").isNotEqualTo("Kessel");
        assertThat(blend).containsEntry("nom", "der " + noun).containsEntry("dat", "dem " + noun);
    }

    @Test
    void anArticleIsNoPartOfTheNoun() {
        Map<String, String> shovel = Map.of("the", "a pá", "my", "minha pá", "one", "uma pá");
        Map<String, String> broom = Map.of("the", "a vassoura", "my", "minha vassoura", "one", "uma vassoura");

        // "pá" is too short to be blended, and "a pá" is not the noun.
        assertThat(Blend.ofForms(shovel, broom, new SplittableRandom(1))).isEqualTo(shovel);
    }

    @Test
    void onlyLastWordsAreBlended() {
        assertThat(Blend.ofLastWords("the opening hours", "the discount", new SplittableRandom(5)))
                .startsWith("the opening h").endsWith("t");
    }
}
