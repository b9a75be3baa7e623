package io.millrace.runtime.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.tokenizer.SmallTokenizer;
import io.millrace.runtime.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AnswerParserTest {
    private final Tokenizer tokenizer = SmallTokenizer.create();
    private final AnswerParser parser = new AnswerParser(tokenizer);

    @Test
    void textIsContent() {
        assertThat(parse("It rains.")).isEqualTo(new Answer.Content("It rains."));
        assertThat(parse("")).isEqualTo(new Answer.Content(""));
    }

    @Test
    void withoutToolsEverythingIsContent() {
        String call = "{\"name\": \"f\", \"parameters\": {}}";
        assertThat(parser.parse(tokenizer.encode(call), call, false)).isEqualTo(new Answer.Content(call));
    }

    @Test
    void functionTags() {
        assertCalls("<function=get_weather>{\"city\": \"Bern\"}</function>", "get_weather {\"city\":\"Bern\"}");
        assertCalls("<function=f>{}</function>\n<function=g>{\"a\": [1, {\"b\": \"}\"}]}</function>", "f {}",
                "g {\"a\":[1,{\"b\":\"}\"}]}");
        assertCalls(" <function=f> {} ", "f {}");
    }

    @Test
    void textAroundFunctionTagsIsContent() {
        assertThat(parse("Let me see. <function=f>{}</function> One moment."))
                .isEqualTo(new Answer.ToolCalls("Let me see.  One moment.", List.of(new ToolCall("f", "{}"))));
    }

    @Test
    void jsonObjects() {
        assertCalls("{\"name\": \"f\", \"parameters\": {\"a\": 1.50, \"b\": \"é\\n\"}}",
                "f {\"a\":1.50,\"b\":\"é\\n\"}");
        assertCalls("\n{\"type\": \"function\", \"name\": \"f\", \"arguments\": {}}\n", "f {}");
        assertCalls("{\"name\": \"f\", \"parameters\": {\"n\": 123456789012345678901234567890}}",
                "f {\"n\":123456789012345678901234567890}");
    }

    @Test
    void severalJsonObjectsAreSeparatedBySemicolonsOrLines() {
        String f = "{\"name\": \"f\", \"parameters\": {}}";
        String g = "{\"name\": \"g\", \"parameters\": {}}";
        for (String text : List.of(f + "; " + g, f + "\n" + g, f + ";\n" + g + ";", f + " \n " + g + "\n")) {
            assertCalls(text, "f {}", "g {}");
        }
        assertContent(f + " " + g);
        assertContent(f + ", " + g);
        assertContent(f + " and then I tell you");
    }

    @Test
    void pythonLists() {
        assertCalls("[get_weather(city='Bern', days=3), now()]", "get_weather {\"city\":\"Bern\",\"days\":3}",
                "now {}");
        assertCalls(
                """
                        [ f( a = "it's \\"x\\"\\n\\u00e9\\x41\\q" , b = [1, -2.5e3, True, None,], c = {'k': {"z": False}}, ), ]""",
                "f {\"a\":\"it's \\\"x\\\"\\né" + "A\\\\q\",\"b\":[1,-2.5E+3,true,null],\"c\":{\"k\":{\"z\":false}}}");
        assertCalls("[weather.now(x='[f()]')]", "weather.now {\"x\":\"[f()]\"}");
    }

    @Test
    void builtInCallsComeAfterThePythonTag() {
        assertTagged("brave_search.call(query=\"rain, \\\"Bern\\\"\")",
                "brave_search {\"query\":\"rain, \\\"Bern\\\"\"}");
        assertTagged("wolfram_alpha.call(query='2+2')\n", "wolfram_alpha {\"query\":\"2+2\"}");
        assertContent("brave_search.call(query=\"rain\")");
    }

    @Test
    void customCallsMayFollowThePythonTag() {
        assertTagged("{\"name\": \"f\", \"parameters\": {}}", "f {}");
        assertTagged("[f(a='b')]", "f {\"a\":\"b\"}");
        assertTagged("<function=f>{}</function>", "f {}");
    }

    @Test
    void whatElseFollowsThePythonTagIsCode() {
        assertTagged("import os\nprint(\"x\")", "code_interpreter {\"code\":\"import os\\nprint(\\\"x\\\")\"}");
        assertTagged("a.call(query=\"x\") + 1", "code_interpreter {\"code\":\"a.call(query=\\\"x\\\") + 1\"}");
        assertTagged("{\"name\": \"f\", ", "code_interpreter {\"code\":\"{\\\"name\\\": \\\"f\\\", \"}");
    }

    @Test
    void thePythonTagCountsAlsoWithoutTools() {
        int[] generated = Ids.join(new int[]{tokenizer.specials().pythonTag()}, tokenizer.encode("1+1"),
                new int[]{tokenizer.specials().endOfMessage()});
        assertThat(parser.parse(generated, "1+1", false)).isEqualTo(
                new Answer.ToolCalls("", List.of(new ToolCall("code_interpreter", "{\"code\":\"1+1\"}"))));
    }

    @Test
    void textBeforeThePythonTagIsContent() {
        int[] generated = Ids.join(tokenizer.encode("Sure. "), new int[]{tokenizer.specials().pythonTag()},
                tokenizer.encode("1+1"));
        assertThat(parser.parse(generated, "Sure. 1+", true)).isEqualTo(
                new Answer.ToolCalls("Sure.", List.of(new ToolCall("code_interpreter", "{\"code\":\"1+\"}"))));
        assertThat(parser.parse(generated, "Su", true)).isEqualTo(new Answer.Content("Su"));
    }

    @Test
    void aPythonTagInTextIsText() {
        assertContent("<|python_tag|>print(1)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"<function=f>", "<function=f>{}</func", "<function=>{}</function>",
            "<function=f>{\"a\":}</function>",
            "<function=f g>{}</function>", "<function=f>[1]</function>", "<function=f>{}</function><function=g>{",
            "{\"name\": \"f\"}", "{\"name\": \"\", \"parameters\": {}}", "{\"name\": 1, \"parameters\": {}}",
            "{\"name\": \"f\", \"parameters\": []}", "{\"name\": \"f\", \"parameters\": {}",
            "{\"name\": \"f\", \"parameters\": {}}}",
            "{\"type\": \"object\", \"name\": \"f\", \"parameters\": {}}", "[]", "[1, 2]", "[f]", "[f(]", "[f()",
            "[f() g()]",
            "[f('a')]", "[f(a=b)]", "[f(a=1, a=2)]", "[f(a=01)]", "[f(a='b)]", "[f(a='\\u00g0')]",
            "[f(a='\\UFFFFFFFF')]",
            "[f(a={1: 2})]", "[1f()]", "[f()] and more", "[f(a=1e99999999999)]",
            "{\"name\": \"f\", \"parameters\": {\"a\": 1e99999999999}}"})
    void whatIsMalformedStaysContent(String text) {
        assertContent(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"a\":", "[", "[f(a=[", "[f(a={'b':", "<function=f>{\"a\":",
            "{\"name\": \"f\", \"parameters\": {}};",
            "<function=f>{}</function>", "[f(),", "\\\"'"})
    void hugeAnswersAreParsed(String unit) {
        String text = unit.repeat(200_000 / unit.length());
        assertThat(parse(text)).isNotNull();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2})
    void nothingThrows(long seed) {
        String[] parts = {"<function=", "f", ">", "{", "}", "\"", "name", "parameters", ":", ",", ";", "\n", "[", "]",
                "(", ")",
                "=", "'", "\\", "\\u", "d83d", "1", "-", ".", "e9", "True", " ", "é", "\u0000", "</function>",
                "{\"name\": \"f\", \"parameters\": {}}", "[f(a='", ".call(query=\"x\")"};
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            var text = new StringBuilder();
            for (int n = random.nextInt(20); n > 0; n--) {
                text.append(parts[random.nextInt(parts.length)]);
            }
            assertThat(parse(text.toString())).isNotNull();
            assertThat(parseTagged(text.toString())).isNotNull();
        }
    }

    @Test
    void halfASurrogatePairBecomesAReplacementCharacter() {
        assertCalls("[f(a='\\ud83d')]", "f {\"a\":\"\uFFFD\"}");
        assertCalls("{\"name\": \"f\", \"parameters\": {\"a\": \"\\ud83d\"}}", "f {\"a\":\"\uFFFD\"}");
    }

    @Test
    void callsInTheHistoryAreParsedBackFromTheirPrompt() {
        var format = new ChatFormat(tokenizer);
        List<ToolCall> custom = List.of(new ToolCall("f", "{\"a\":\"b; {\"}"), new ToolCall("g", "{}"));
        ToolCall search = new ToolCall("brave_search", "{\"query\":\"a \\\"b\\\" \\\\ \\n c\"}");
        for (List<ToolCall> calls : List.of(custom, List.of(search))) {
            int[] ids = format.encode(List.of(new Message(Role.ASSISTANT, "", calls)));
            int[] answer = Arrays.copyOfRange(ids, format.openAssistant().length, ids.length);
            assertThat(parser.parse(answer, tokenizer.decode(answer), true)).isEqualTo(new Answer.ToolCalls("", calls));
        }
    }

    private void assertContent(String text) {
        assertThat(parse(text)).isEqualTo(new Answer.Content(text));
    }

    private void assertCalls(String text, String... calls) {
        assertThat(show(parse(text))).containsExactly(calls);
    }

    private void assertTagged(String text, String... calls) {
        assertThat(show(parseTagged(text))).containsExactly(calls);
    }

    private Answer parse(String text) {
        return parser.parse(tokenizer.encode(text), text, true);
    }

    private Answer parseTagged(String text) {
        return parser.parse(Ids.join(new int[]{tokenizer.specials().pythonTag()}, tokenizer.encode(text)), text, true);
    }

    private static List<String> show(Answer answer) {
        return switch (answer) {
            case Answer.Content content -> List.of("content: " + content.text());
            case Answer.ToolCalls calls ->
                calls.calls().stream().map(call -> call.name() + " " + call.arguments()).toList();
        };
    }
}
