package io.millrace.runtime.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.fuzz.Inputs;
import io.millrace.runtime.tokenizer.SmallTokenizer;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.tokenizer.Unicode;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whatever a model writes is content or calls; nothing throws, and calls can be written and found again. */
public final class AnswerParserFuzzTest {
    private static final List<String> DICTIONARY = List.of(Inputs.SEPARATOR, "<function=", "</function>",
            "{\"name\": \"f\", \"parameters\": {}}", "{\"name\":", "\"arguments\":", "\"type\": \"function\"", "; ",
            "[f(a='b'), g()]", "brave_search.call(query=\"x\")", "True", "None", "1e999999999", "0.5E2147483647",
            "12345E2147483647", "-0.0", "\\U0010ffff", "\\ud800", "\\x00", "\u001C", "\u0000", "字");
    private static final FuzzTarget TARGET = new FuzzTarget(AnswerParserFuzzTest.class, "answer", DICTIONARY,
            AnswerParserFuzzTest::check);
    private static final Tokenizer TOKENIZER = SmallTokenizer.create();
    private static final AnswerParser PARSER = new AnswerParser(TOKENIZER);

    @TestFactory
    Stream<DynamicTest> everyAnswerIsContentOrCalls() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    /** Two sections are what is before {@code <|python_tag|>} and what is after it. */
    private static void check(byte[] input) {
        List<byte[]> sections = Inputs.sections(input);
        String before = Inputs.text(sections.getFirst());
        checkAnswer(PARSER.parse(TOKENIZER.encode(before), before, true));
        assertThat(PARSER.parse(TOKENIZER.encode(before), before, false)).isEqualTo(new Answer.Content(before));
        if (sections.size() > 1) {
            String after = Inputs.text(sections.get(1));
            int[] tag = {TOKENIZER.specials().pythonTag()};
            int[] ids = Ids.join(TOKENIZER.encode(before), tag, TOKENIZER.encode(after));
            checkAnswer(PARSER.parse(ids, before + after, true));
            // A stop string may have cut the text anywhere.
            checkAnswer(PARSER.parse(ids, before.substring(0, before.length() / 2), true));
        }
        assertThat(PythonCalls.builtIn("f.call(query=" + PythonCalls.quote(before) + ")").map(ToolCall::arguments))
                .contains(Unicode.wellFormed(JsonText.compact(JsonText.newObject().put("query", before))));
    }

    private static void checkAnswer(Answer answer) {
        if (answer instanceof Answer.ToolCalls(String _, List<ToolCall> calls)) {
            assertThat(calls).isNotEmpty();
            String written = calls.stream().map(call -> "{\"name\": " + JsonText.quote(call.name())
                    + ", \"parameters\": " + call.arguments() + "}").collect(Collectors.joining("; "));
            // Tags are looked for first, also in strings.
            if (!written.contains("<function=")) {
                assertThat(PARSER.parse(TOKENIZER.encode(written), written, true))
                        .isEqualTo(new Answer.ToolCalls("", calls));
            }
            assertThat(calls).allMatch(call -> Arrays.asList(call.name(), call.arguments()).stream()
                    .allMatch(text -> text.equals(Unicode.wellFormed(text))));
        }
    }
}
