package io.millrace.runtime.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.fuzz.Inputs;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** What holds for every text: it is split as Llama's expression splits it, and comes back, at once and token by token. */
public final class TokenizerFuzzTest {
    private static final List<String> DICTIONARY = List.of(Inputs.SEPARATOR, "<|eot_id|>", "<|begin_of_text|>", "'ll",
            "hello", " world", "aaaa", "\r\n", "  ", "字", "🚀", "é", "ſ", "\u00A0", "\u0085", "٣", "123", "\uFFFD");
    private static final FuzzTarget TARGET = new FuzzTarget(TokenizerFuzzTest.class, "tokenizer", DICTIONARY,
            TokenizerFuzzTest::check);
    private static final Tokenizer TOKENIZER = SmallTokenizer.create();
    private static final Pattern EXPRESSION = Pattern.compile(PieceSplitter.EXPRESSION,
            Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNICODE_CASE);

    @TestFactory
    Stream<DynamicTest> everyTextComesBack() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    /** The first section is the text, the others are stop strings. */
    private static void check(byte[] input) {
        List<byte[]> sections = Inputs.sections(input);
        String text = Inputs.text(sections.getFirst());
        List<String> stops = sections.stream().skip(1).map(Inputs::text).filter(stop -> !stop.isEmpty()).toList();

        RoundTrips.check(TOKENIZER, text);
        checkPieces(text);
        checkStream(TOKENIZER.encode(text), stops);
        // The same bytes a byte at a time, whether they are UTF-8 or not: the first 256 tokens are the bytes.
        checkStream(IntStream.range(0, sections.getFirst().length).map(i -> sections.getFirst()[i] & 0xFF).toArray(),
                stops);
        // And as UTF-16, in which surrogates need not be in pairs.
        RoundTrips.check(TOKENIZER, utf16(sections.getFirst()));
    }

    private static String utf16(byte[] bytes) {
        return ByteBuffer.wrap(bytes, 0, bytes.length & ~1).asCharBuffer().toString();
    }

    private static void checkPieces(String text) {
        List<String> expected = new ArrayList<>();
        Matcher matcher = EXPRESSION.matcher(text);
        while (matcher.find()) {
            expected.add(matcher.group());
        }
        var splitter = new PieceSplitter(text);
        List<String> pieces = new ArrayList<>();
        for (int start = 0; start < text.length();) {
            int end = splitter.end(start);
            pieces.add(text.substring(start, end));
            start = end;
        }
        assertThat(pieces).isEqualTo(expected);
    }

    private static void checkStream(int[] ids, List<String> stops) {
        var stream = new TextStream(TOKENIZER, stops);
        var streamed = new StringBuilder();
        for (int id : ids) {
            streamed.append(stream.append(id));
        }
        streamed.append(stream.finish());
        String whole = TOKENIZER.decode(ids);
        int cut = cut(whole, stops);
        assertThat(streamed.toString()).isEqualTo(cut < 0 ? whole : whole.substring(0, cut));
        assertThat(stream.stopped()).isEqualTo(cut >= 0);
    }

    /** Where the stop string begins that is complete first, the longest of those that end there; -1 without one. */
    private static int cut(String text, List<String> stops) {
        int firstEnd = Integer.MAX_VALUE;
        int cut = -1;
        for (String stop : stops) {
            int begin = text.indexOf(stop);
            int end = begin + stop.length();
            if (begin >= 0 && (end < firstEnd || (end == firstEnd && begin < cut))) {
                firstEnd = end;
                cut = begin;
            }
        }
        return cut;
    }
}
