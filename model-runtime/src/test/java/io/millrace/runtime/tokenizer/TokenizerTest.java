package io.millrace.runtime.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.runtime.weights.ModelFormatException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
    private final Tokenizer tokenizer = SmallTokenizer.create();

    @Test
    void mergesByRankWithinAPiece() {
        assertThat(display(tokenizer, "hello world")).containsExactly("hello", " world");
        assertThat(display(tokenizer, "hellol")).containsExactly("hello", "l");
    }

    @Test
    void lowerRankMergesFirstAndLeftmostAmongEquals() {
        Tokenizer merges = SmallTokenizer.withMerges("b c", "a b", "a a");
        assertThat(merges.encode("abc!")).containsExactly('a', 256, '!');
        assertThat(display(merges, "aaaaa!")).containsExactly("aa", "aa", "a", "!");
    }

    @Test
    void aPieceThatStandsInTheVocabularyNeedsNoMerges() {
        TokenizerSource source = SmallTokenizer.source(List.of("a b"), SmallTokenizer.SPECIALS);
        List<String> tokens = new ArrayList<>(source.tokens());
        tokens.add("xyz");
        Tokenizer whole = new Tokenizer(new TokenizerSource(source.file(), tokens, source.special(), source.merges(),
                source.tokensField(), source.mergesField()));
        assertThat(whole.encode("xyz")).containsExactly(tokens.size() - 1);
        assertThat(whole.encode("xyzz")).containsExactly('x', 'y', 'z', 'z');
    }

    @Test
    void specialTokensInTextAreText() {
        for (String name : SmallTokenizer.SPECIALS) {
            int[] ids = tokenizer.encode("a" + name + "b");
            assertThat(Arrays.stream(ids).anyMatch(tokenizer::isSpecial)).as(name).isFalse();
            assertThat(tokenizer.decode(ids)).isEqualTo("a" + name + "b");
        }
    }

    @Test
    void specialTokensAreFoundWhenAskedFor() {
        SpecialTokens specials = tokenizer.specials();
        assertThat(tokenizer.encodeWithSpecials("<|eot_id|><|eot_id|")).startsWith(specials.endOfTurn(), '<', '|');
        assertThat(tokenizer.encodeWithSpecials("a<|begin_of_text|>b")).containsExactly('a', specials.beginOfText(),
                'b');
    }

    @Test
    void specialTokensHaveNoText() {
        int eot = tokenizer.specials().endOfTurn();
        assertThat(tokenizer.decode(new int[]{'a', eot, 'b'})).isEqualTo("ab");
        assertThat(tokenizer.bytes(eot)).isEmpty();
        assertThat(tokenizer.display(eot)).isEqualTo("<|eot_id|>");
    }

    @Test
    void stopTokensEndAnAnswer() {
        SpecialTokens specials = tokenizer.specials();
        assertThat(specials.stopTokens()).containsExactlyInAnyOrder(specials.endOfText(), specials.endOfMessage(),
                specials.endOfTurn());
    }

    @Test
    void aModelWithoutToolTokensIsAccepted() {
        List<String> llama30 = SmallTokenizer.SPECIALS.stream()
                .filter(name -> !name.equals("<|eom_id|>") && !name.equals("<|python_tag|>")).toList();
        SpecialTokens specials = new Tokenizer(SmallTokenizer.source(List.of(), llama30)).specials();
        assertThat(specials.pythonTag()).isEqualTo(-1);
        assertThat(specials.endOfMessage()).isEqualTo(-1);
        assertThat(specials.stopTokens()).containsExactlyInAnyOrder(specials.endOfText(), specials.endOfTurn());
    }

    @Test
    void aModelWithoutHeaderTokensIsRefused() {
        TokenizerSource source = SmallTokenizer.source(List.of(),
                List.of("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"));
        assertThatThrownBy(() -> new Tokenizer(source)).isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("small: tokens: no special token <|start_header_id|>");
    }

    @Test
    void unpairedSurrogatesBecomeReplacementCharacters() {
        for (String text : List.of("a\uD83D", "\uDE80a", "\uD83D\uD83D\uDE80", "\uDE80\uD83D")) {
            String decoded = tokenizer.decode(tokenizer.encode(text));
            assertThat(decoded).isEqualTo(text.replaceAll("[\uD800-\uDFFF]", "\uFFFD"));
        }
        assertThat(tokenizer.encode("\uD83D")).isEqualTo(new int[]{0xEF, 0xBF, 0xBD});
    }

    @Test
    void emptyTextHasNoTokens() {
        assertThat(tokenizer.encode("")).isEmpty();
        assertThat(tokenizer.encodeWithSpecials("")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13})
    void decodingGivesTheTextBack(long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < 2_000; i++) {
            String text = PieceSplitterTest.randomText(random);
            assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", " ", "\n", "0", "!", "\u00A0", "字", "🚀", "'", "\r\n ", "\uD83D", "\u0301", "aaaab"})
    void aMegabyteOfOneThingIsTokenized(String unit) {
        String text = unit.repeat((1 << 20) / unit.getBytes(StandardCharsets.UTF_8).length);
        assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(Unicode.wellFormed(text));
    }

    private static List<String> display(Tokenizer tokenizer, String text) {
        return Arrays.stream(tokenizer.encode(text)).mapToObj(tokenizer::display).toList();
    }
}
