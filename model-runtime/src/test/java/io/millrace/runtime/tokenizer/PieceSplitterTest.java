package io.millrace.runtime.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PieceSplitterTest {
    /** Java's own engine on Llama's expression, with Unicode case folding and Unicode white space. */
    private static final Pattern REFERENCE = Pattern.compile(PieceSplitter.EXPRESSION,
            Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNICODE_CASE);

    @Test
    void wordsTakeTheSpaceBeforeThem() {
        assertThat(pieces("Hello brave  new\u3000world")).containsExactly("Hello", " brave", " ", " new",
                "\u3000world");
    }

    @Test
    void digitsComeInThrees() {
        assertThat(pieces("1234567 ٠١٢٣٤")).containsExactly("123", "456", "7", " ", "٠١٢", "٣٤");
    }

    @Test
    void contractionsAreCutOffInAnyCase() {
        assertThat(pieces("I'm he'LL it'ſ 'tis")).containsExactly("I", "'m", " he", "'LL", " it", "'ſ", " '", "tis");
    }

    @Test
    void punctuationTakesLineBreaksAfterIt() {
        assertThat(pieces("x {\r\n\n  y")).containsExactly("x", " {\r\n\n", " ", " y");
    }

    @Test
    void whiteSpaceEndsAfterItsLastLineBreak() {
        assertThat(pieces(" \n \t\n  x")).containsExactly(" \n \t\n", " ", " x");
        assertThat(pieces("x  ")).containsExactly("x", "  ");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void agreesWithTheExpression(long seed) {
        Random random = new Random(seed);
        for (int i = 0; i < 5_000; i++) {
            String text = randomText(random);
            assertThat(pieces(text)).as(text).isEqualTo(reference(text));
        }
    }

    /** Short strings of the characters that decide the alternatives, and of any other. */
    static String randomText(Random random) {
        String[] alphabet = {" ", " ", "\n", "\r", "\t", "\u00A0", "\u0085", "\u2009", "\u001C", "\u200B", "'", "'",
                "s",
                "LL", "r", "E", "ſ", "a", "é", "字", "ก", "ी", "1", "٣", "½", "Ⅷ", "𝟙", "!", "-", "…", "🚀", "𐐀",
                "\u0301",
                "_", "\u0000"};
        var text = new StringBuilder();
        int length = random.nextInt(24);
        for (int i = 0; i < length; i++) {
            if (random.nextInt(8) > 0) {
                text.append(alphabet[random.nextInt(alphabet.length)]);
            } else {
                int codePoint = random.nextInt(random.nextBoolean() ? 0x3100 : Character.MAX_CODE_POINT + 1);
                text.appendCodePoint(Character.getType(codePoint) == Character.SURROGATE ? '?' : codePoint);
            }
        }
        return text.toString();
    }

    private static List<String> pieces(String text) {
        var splitter = new PieceSplitter(text);
        List<String> pieces = new ArrayList<>();
        for (int start = 0; start < text.length();) {
            int end = splitter.end(start);
            pieces.add(text.substring(start, end));
            start = end;
        }
        return pieces;
    }

    private static List<String> reference(String text) {
        Matcher matcher = REFERENCE.matcher(text);
        List<String> pieces = new ArrayList<>();
        while (matcher.find()) {
            pieces.add(matcher.group());
        }
        return pieces;
    }
}
