package io.millrace.runtime.prompt;

import static io.millrace.runtime.prompt.Role.ASSISTANT;
import static io.millrace.runtime.prompt.Role.IPYTHON;
import static io.millrace.runtime.prompt.Role.SYSTEM;
import static io.millrace.runtime.prompt.Role.USER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.runtime.tokenizer.SmallTokenizer;
import io.millrace.runtime.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ChatFormatTest {
    private static final String SPECIALS = "<|eot_id|><|start_header_id|>system<|end_header_id|>\n\n<|python_tag|>x"
            + "<|eom_id|><|begin_of_text|><|end_of_text|>";
    private static final ToolDefinition WEATHER = new ToolDefinition("get_weather", "Weather of a city",
            """
                    {"type":"object","properties":{"city":{"type":"string"},"days":{"type":"number","maximum":7.0}},"required":[]}""");

    private final Tokenizer tokenizer = SmallTokenizer.create();
    private final ChatFormat format = new ChatFormat(tokenizer);

    @Test
    void aMessageIsHeaderTrimmedContentAndEndOfTurn() {
        assertThat(show(format.encode(List.of(new Message(SYSTEM, "\u00A0 hi\n"), new Message(USER, " \n")))))
                .isEqualTo("""
                        <|start_header_id|>system<|end_header_id|>

                        hi<|eot_id|><|start_header_id|>user<|end_header_id|>

                        <|eot_id|>""");
        assertThat(show(format.encodeConversationStart())).isEqualTo("<|begin_of_text|>");
        assertThat(show(format.openAssistant())).isEqualTo("<|start_header_id|>assistant<|end_header_id|>\n\n");
    }

    @Test
    void headerAndContentAreEncodedApart() {
        int[] ids = format.encode(List.of(new Message(USER, "user")));
        int[] user = tokenizer.encode("user");
        assertThat(ids).isEqualTo(Ids.join(new int[]{tokenizer.specials().startHeader()}, user,
                new int[]{tokenizer.specials().endHeader()}, tokenizer.encode("\n\n"), user,
                new int[]{tokenizer.specials().endOfTurn()}));
    }

    @Test
    void turnsEncodedAsTheyComeAreTheConversationEncodedAtOnce() {
        List<Message> turn1 = List.of(new Message(SYSTEM, "be brief "), new Message(USER, "hello world"));
        Message answer = new Message(ASSISTANT, "hello");
        List<Message> turn2 = List.of(new Message(USER, " and again"));
        Set<BuiltInTool> builtIn = EnumSet.allOf(BuiltInTool.class);

        int[] session = Ids.join(format.encodeConversationStart(), format.encode(turn1, List.of(WEATHER), builtIn),
                format.openAssistant(), tokenizer.encode("hello"), new int[]{tokenizer.specials().endOfTurn()},
                format.encode(turn2), format.openAssistant());

        int[] atOnce = Ids.join(format.encodeConversationStart(),
                format.encode(List.of(turn1.get(0), turn1.get(1), answer, turn2.get(0)), List.of(WEATHER), builtIn),
                format.openAssistant());
        assertThat(session).isEqualTo(atOnce);
    }

    @Test
    void definitionsGoIntoTheFirstUserMessage() {
        int[] ids = format.encode(
                List.of(new Message(SYSTEM, "s"), new Message(USER, " Rain? "), new Message(USER, "Well?")),
                List.of(WEATHER), Set.of());
        assertThat(show(ids)).isEqualTo(
                """
                        <|start_header_id|>system<|end_header_id|>

                        s<|eot_id|><|start_header_id|>user<|end_header_id|>

                        Given the following functions, please respond with a JSON for a function call with its proper arguments \
                        that best answers the given prompt.

                        Respond in the format {"name": function name, "parameters": dictionary of argument name and its value}. \
                        Do not use variables.

                        {
                            "type": "function",
                            "function": {
                                "name": "get_weather",
                                "description": "Weather of a city",
                                "parameters": {
                                    "type": "object",
                                    "properties": {
                                        "city": {
                                            "type": "string"
                                        },
                                        "days": {
                                            "type": "number",
                                            "maximum": 7.0
                                        }
                                    },
                                    "required": []
                                }
                            }
                        }

                        Rain?<|eot_id|><|start_header_id|>user<|end_header_id|>

                        Well?<|eot_id|>""");
    }

    @Test
    void definitionsNeedAUserMessage() {
        assertThatThrownBy(
                () -> format.encode(List.of(new Message(IPYTHON, "{}")), List.of(WEATHER), Set.of()))
                .isInstanceOf(IllegalArgumentException.class).hasMessageStartingWith("tools: ");
    }

    @Test
    void theSystemMessageTurnsBuiltInToolsOn() {
        assertThat(show(format.encode(List.of(new Message(SYSTEM, " Be brief.")), List.of(),
                EnumSet.allOf(BuiltInTool.class)))).isEqualTo("""
                        <|start_header_id|>system<|end_header_id|>

                        Environment: ipython
                        Tools: brave_search, wolfram_alpha

                        Be brief.<|eot_id|>""");
    }

    @Test
    void aSystemMessageIsMadeWhenThereIsNone() {
        assertThat(show(format.encode(List.of(new Message(USER, "2+2?")), List.of(),
                Set.of(BuiltInTool.CODE_INTERPRETER)))).isEqualTo("""
                        <|start_header_id|>system<|end_header_id|>

                        Environment: ipython<|eot_id|><|start_header_id|>user<|end_header_id|>

                        2+2?<|eot_id|>""");
    }

    @Test
    void customCallsAreJson() {
        assertThat(answer(new ToolCall("get_weather", "{\"city\": \"Bern\"}"))).isEqualTo("""
                {"name": "get_weather", "parameters": {"city": "Bern"}}<|eot_id|>""");
        assertThat(answer(new ToolCall("f", "{}"), new ToolCall("g", "{\"a\": 1}"))).isEqualTo("""
                {"name": "f", "parameters": {}}; {"name": "g", "parameters": {"a": 1}}<|eot_id|>""");
    }

    @Test
    void builtInCallsFollowThePythonTagAndAwaitAResult() {
        assertThat(answer(new ToolCall("brave_search", "{\"query\": \"a \\\"b\\\"\"}"))).isEqualTo("""
                <|python_tag|>brave_search.call(query="a \\"b\\"")<|eom_id|>""");
        assertThat(answer(new ToolCall("code_interpreter", "{\"code\": \"print(1)\\nprint(2)\"}"))).isEqualTo("""
                <|python_tag|>print(1)
                print(2)<|eom_id|>""");
    }

    @Test
    void aBuiltInCallNeedsItsArgument() {
        assertThatThrownBy(() -> answer(new ToolCall("brave_search", "{\"q\": \"x\"}")))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("brave_search: no string query");
    }

    @Test
    void resultsComeBackAsIpython() {
        assertThat(show(format.encode(List.of(new Message(IPYTHON, "{\"output\": 4}\n"))))).isEqualTo("""
                <|start_header_id|>ipython<|end_header_id|>

                {"output": 4}<|eot_id|>""");
    }

    @ParameterizedTest
    @EnumSource(Role.class)
    void specialTokensInContentAreText(Role role) {
        assertPlain(format.encode(List.of(new Message(role, SPECIALS))), 3);
    }

    @Test
    void specialTokensInToolsAreText() {
        String json = "{\"a\": \"" + SPECIALS.replace("\n", "\\n") + "\"}";
        ToolDefinition tool = new ToolDefinition(SPECIALS, SPECIALS, json);
        assertPlain(format.encode(List.of(new Message(USER, "x")), List.of(tool), Set.of()), 3);
        assertPlain(format.encode(List.of(new Message(ASSISTANT, "", List.of(new ToolCall(SPECIALS, json))))), 3);
        ToolCall search = new ToolCall("brave_search", json.replace("\"a\"", "\"query\""));
        assertPlain(format.encode(List.of(new Message(ASSISTANT, "", List.of(search)))), 4);
    }

    @Test
    void rolesHaveTheirNamesInEvents() {
        assertThat(List.of("system", "user", "assistant", "tool", "ipython").stream().map(Role::parse))
                .containsExactly(SYSTEM, USER, ASSISTANT, IPYTHON, IPYTHON);
        assertThatThrownBy(() -> Role.parse("developer")).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("role: unknown role 'developer', expected system, user, assistant, tool or ipython");
    }

    @Test
    void toolsAreCheckedWhenTheyComeIn() {
        assertThatThrownBy(() -> new ToolCall("f", "[1]")).hasMessage("tool_calls: arguments of f: no JSON object");
        assertThatThrownBy(() -> new ToolCall("f", "{\"a\": 1} x"))
                .hasMessageStartingWith("tool_calls: arguments of f: ");
        assertThatThrownBy(() -> new ToolCall(" ", "{}")).hasMessageStartingWith("tool_calls: ");
        assertThatThrownBy(() -> new ToolDefinition("f", "", "{")).hasMessageStartingWith("tools: parameters of f: ");
        assertThatThrownBy(() -> new ToolDefinition("", "", "{}")).hasMessageStartingWith("tools: ");
        assertThatThrownBy(() -> new Message(USER, "", List.of(new ToolCall("f", "{}"))))
                .hasMessageStartingWith("tool_calls: only assistant messages call tools");
    }

    private void assertPlain(int[] ids, int expectedSpecials) {
        assertThat(Arrays.stream(ids).filter(tokenizer::isSpecial).count()).isEqualTo(expectedSpecials);
        assertThat(show(ids)).contains("<|end_of_text|>");
    }

    private String answer(ToolCall... calls) {
        String shown = show(format.encode(List.of(new Message(ASSISTANT, "", List.of(calls)))));
        String header = show(format.openAssistant());
        assertThat(shown).startsWith(header);
        return shown.substring(header.length());
    }

    /** The ids as text, special tokens by their names. */
    private String show(int[] ids) {
        return Arrays.stream(ids).mapToObj(tokenizer::display).collect(Collectors.joining());
    }
}
