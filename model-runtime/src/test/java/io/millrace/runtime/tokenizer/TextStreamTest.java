package io.millrace.runtime.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextStreamTest {
    // Base tokens 0 to 255 are the bytes; a merge makes one token of two, so tests can choose where tokens end.
    private final Tokenizer tokenizer = SmallTokenizer.withMerges("a b", "b c", "ab c", "c d");
    private static final int AB = 256;
    private static final int BC = 257;
    private static final int ABC = 258;
    private static final int CD = 259;

    @Test
    void textComesWithItsToken() {
        var stream = new TextStream(tokenizer, List.of());
        assertThat(stream.append(ABC)).isEqualTo("abc");
        assertThat(stream.append('!')).isEqualTo("!");
        assertThat(stream.finish()).isEmpty();
        assertThat(stream.stopped()).isFalse();
    }

    @Test
    void aCharacterWaitsForItsLastByte() {
        var stream = new TextStream(tokenizer, List.of());
        assertThat(stream.append(0xF0)).isEmpty();
        assertThat(stream.append(0x9F)).isEmpty();
        assertThat(stream.append(0x9A)).isEmpty();
        assertThat(stream.append(0x80)).isEqualTo("🚀");
    }

    @Test
    void bytesThatAreNoCharacterBecomeOneReplacement() {
        var stream = new TextStream(tokenizer, List.of());
        assertThat(stream.append(0xE5)).isEmpty();
        assertThat(stream.append('x')).isEqualTo("\uFFFDx");
        assertThat(stream.append(0xFF)).isEqualTo("\uFFFD");
        assertThat(stream.append(0xF0)).isEmpty();
        assertThat(stream.append(0x9F)).isEmpty();
        assertThat(stream.finish()).isEqualTo("\uFFFD");
    }

    @Test
    void specialTokensHaveNoText() {
        var stream = new TextStream(tokenizer, List.of("a<"));
        assertThat(stream.append('a')).isEmpty();
        assertThat(stream.append(tokenizer.specials().pythonTag())).isEmpty();
        assertThat(stream.append('b')).isEqualTo("ab");
        assertThat(stream.append(tokenizer.specials().endOfTurn())).isEmpty();
        assertThat(stream.finish()).isEmpty();
    }

    @Test
    void textEndsBeforeTheStopString() {
        var stream = new TextStream(tokenizer, List.of("bcd"));
        assertThat(stream.append(AB)).isEqualTo("a");
        assertThat(stream.stopped()).isFalse();
        assertThat(stream.append(CD)).isEmpty();
        assertThat(stream.stopped()).isTrue();
        assertThat(stream.append('x')).isEmpty();
        assertThat(stream.finish()).isEmpty();
    }

    @Test
    void whatOnlyBeganAStopStringComesLater() {
        var stream = new TextStream(tokenizer, List.of("bcd"));
        assertThat(stream.append(ABC)).isEqualTo("a");
        assertThat(stream.append(BC)).isEqualTo("bc");
        assertThat(stream.finish()).isEqualTo("bc");
        assertThat(stream.stopped()).isFalse();
    }

    @Test
    void aStopStringMayOverlapItself() {
        var stream = new TextStream(tokenizer, List.of("aab"));
        assertThat(stream.append('a')).isEmpty();
        assertThat(stream.append('a')).isEmpty();
        assertThat(stream.append('a')).isEqualTo("a");
        assertThat(stream.append(AB)).isEqualTo("a");
        assertThat(stream.stopped()).isTrue();
    }

    @Test
    void theStopStringThatIsCompleteFirstWins() {
        var stream = new TextStream(tokenizer, List.of("abcd", "bc"));
        assertThat(stream.append(ABC)).isEqualTo("a");
        assertThat(stream.stopped()).isTrue();
    }

    @Test
    void ofTwoThatEndTogetherTheLongerWins() {
        var stream = new TextStream(tokenizer, List.of("c", "abc"));
        assertThat(stream.append('x')).isEqualTo("x");
        assertThat(stream.append(ABC)).isEmpty();
        assertThat(stream.stopped()).isTrue();
    }

    @Test
    void theReplacementOfALastHalfCharacterMayCompleteAStopString() {
        var stream = new TextStream(tokenizer, List.of("a\uFFFD"));
        assertThat(stream.append('a')).isEmpty();
        assertThat(stream.append(0xE5)).isEmpty();
        assertThat(stream.finish()).isEmpty();
        assertThat(stream.stopped()).isTrue();
    }

    @Test
    void anEmptyStopStringIsRefused() {
        assertThatThrownBy(() -> new TextStream(tokenizer, List.of("x", "")))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("stop string is empty");
    }

    /** Any tokens, also such as are no text: the pieces are whole characters, joined they are the decoded tokens. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void theTextDependsOnTheTokensAlone(long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < 2_000; i++) {
            int[] ids = random.ints(random.nextInt(30), 0, tokenizer.vocabularySize()).toArray();
            List<String> pieces = stream(ids, List.of());
            assertThat(String.join("", pieces)).isEqualTo(tokenizer.decode(ids));
            assertThat(pieces).allSatisfy(piece -> assertThat(Unicode.wellFormed(piece)).isEqualTo(piece));
            assertThat(stream(ids, List.of())).isEqualTo(pieces);
        }
    }

    /** Against the definition: the shortest prefix of the text that ends with a stop string, cut before the longest. */
    @ParameterizedTest
    @ValueSource(longs = {4, 5, 6})
    void stopStringsAreFoundWhereverTokensEnd(long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            String text = random.ints(random.nextInt(20), 0, 5).mapToObj("abcd€"::charAt).map(String::valueOf)
                    .reduce("", String::concat);
            List<String> stops = new ArrayList<>();
            for (int s = random.nextInt(4); s > 0; s--) {
                stops.add(random.ints(1 + random.nextInt(4), 0, 5).mapToObj("abcd€"::charAt).map(String::valueOf)
                        .reduce("", String::concat));
            }
            String expected = cut(text, stops);
            assertThat(String.join("", stream(tokenizer.encode(text), stops))).as(text + stops).isEqualTo(expected);
            int[] bytes = bytes(text);
            assertThat(String.join("", stream(bytes, stops))).as(text + stops).isEqualTo(expected);
        }
    }

    private static String cut(String text, List<String> stops) {
        for (int end = 0; end <= text.length(); end++) {
            String prefix = text.substring(0, end);
            int match = stops.stream().filter(prefix::endsWith).mapToInt(String::length).max().orElse(0);
            if (match > 0) {
                return prefix.substring(0, end - match);
            }
        }
        return text;
    }

    private List<String> stream(int[] ids, List<String> stops) {
        var stream = new TextStream(tokenizer, stops);
        List<String> pieces = new ArrayList<>();
        for (int id : ids) {
            pieces.add(stream.append(id));
        }
        pieces.add(stream.finish());
        return pieces;
    }

    private static int[] bytes(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int[] ids = new int[bytes.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = bytes[i] & 0xFF;
        }
        return ids;
    }
}
