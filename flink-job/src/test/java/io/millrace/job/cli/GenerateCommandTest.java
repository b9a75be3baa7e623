package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millrace;
import static io.millrace.job.cli.CommandRun.millraceReading;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.runtime.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GenerateCommandTest {
    private static final String CHAT = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHello"
            + "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n";

    private static Path directory;
    private static Path model;
    private static Tokenizer tokenizer;

    @BeforeAll
    static void writeModel(@TempDir Path temporary) throws IOException {
        directory = temporary;
        model = SmallModel.in(directory);
        tokenizer = Tokenizer.load(model);
    }

    private static CommandRun generate(Object... more) {
        return millrace(withModel(more));
    }

    private static Object[] withModel(Object... more) {
        List<Object> arguments = new ArrayList<>(List.of("generate", "--model", model));
        arguments.addAll(Arrays.asList(more));
        return arguments.toArray();
    }

    /** The tokens as a person reads them, special ones by name. */
    private static String display(JsonNode ids) {
        return ids(ids).stream().map(tokenizer::display).collect(joining());
    }

    private static List<Integer> ids(JsonNode ids) {
        List<Integer> list = new ArrayList<>();
        ids.forEach(id -> list.add(id.asInt()));
        return list;
    }

    private static Path file(String name, String content) throws IOException {
        return Files.writeString(directory.resolve(name), content);
    }

    // ------------------------------------------------------------------------------------------------ prompts

    @Test
    void aTextGoesOnAfterBeginOfTextAndItsSpecialTokensArePlainText() throws IOException {
        JsonNode json = generate("--prompt", "The mill <|eot_id|>", "--max-tokens", 3, "--json").succeeds().json();

        List<Integer> expected = new ArrayList<>(List.of(tokenizer.specials().beginOfText()));
        Arrays.stream(tokenizer.encode("The mill <|eot_id|>")).forEach(expected::add);
        assertThat(ids(json.get("prompt_ids"))).isEqualTo(expected);
        assertThat(expected).doesNotContain(tokenizer.specials().endOfTurn());
    }

    @Test
    void idsAreTakenAsTheyAre() throws IOException {
        JsonNode json = generate("--ids", "7, 300,12", "--max-tokens", 3, "--json").succeeds().json();

        assertThat(ids(json.get("prompt_ids"))).containsExactly(7, 300, 12);
    }

    @Test
    void aConversationIsAnsweredInTheChatFormat() throws IOException {
        Path messages = file("array.json", "[{\"role\":\"user\",\"content\":\"Hello\"}]");

        JsonNode json = generate("--messages", messages, "--max-tokens", 3, "--json").succeeds().json();

        assertThat(display(json.get("prompt_ids"))).isEqualTo(CHAT);
    }

    @Test
    void aConversationComesFromStandardInputToo() throws IOException {
        JsonNode json = millraceReading("{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}",
                withModel("--messages", "-", "--max-tokens", 3, "--json")).succeeds().json();

        assertThat(display(json.get("prompt_ids"))).isEqualTo(CHAT);
    }

    @Test
    void toolsAreToldToTheModel() throws IOException {
        Path messages = file("tools.json", """
                {"messages": [{"role": "user", "content": "Weather?"}],
                 "tools": [{"type": "function", "function": {"name": "weather_in", "description": "Looks it up.",
                            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]}
                """);

        JsonNode json = generate("--messages", messages, "--max-tokens", 3, "--json").succeeds().json();

        assertThat(display(json.get("prompt_ids"))).contains("weather_in", "Looks it up.", "Weather?");
    }

    // ------------------------------------------------------------------------------------------------- output

    @Test
    void jsonHasExactlyTheFieldsThatProgramsRelyOn() throws IOException {
        JsonNode json = generate("--prompt", "Hi", "--max-tokens", 5, "--ignore-eos", "--json").succeeds().json();

        assertThat(json.fieldNames()).toIterable().containsExactly("prompt_ids", "ids", "text", "finish_reason",
                "usage", "timings");
        int prompt = json.get("prompt_ids").size();
        assertThat(json.get("ids")).hasSize(5);
        assertThat(json.get("text").asText())
                .isEqualTo(tokenizer.decode(ids(json.get("ids")).stream().mapToInt(id -> id).toArray()));
        assertThat(json.get("finish_reason").asText()).isEqualTo("length");
        assertThat(json.get("usage").toString()).isEqualTo(
                "{\"prompt_tokens\":%d,\"completion_tokens\":5,\"total_tokens\":%d}".formatted(prompt, prompt + 5));
        assertThat(json.get("timings").fieldNames()).toIterable().containsExactly("queue_ms", "ttft_ms", "tpot_ms",
                "total_ms");
        json.get("timings").forEach(timing -> assertThat(timing.asDouble(-1)).isNotNegative());
    }

    @Test
    void withoutJsonTheTextAloneIsPrinted() throws IOException {
        String text = generate("--prompt", "Hi", "--max-tokens", 9, "--json").succeeds().json().get("text").asText();

        assertThat(generate("--prompt", "Hi", "--max-tokens", 9).succeeds().out()).isEqualTo(text + "\n");
    }

    // ----------------------------------------------------------------------------------------------- sampling

    @Test
    void equalSeedsGiveEqualText() {
        String text = generate("--prompt", "Hi", "--max-tokens", 20, "--seed", 5).succeeds().out();

        assertThat(generate("--prompt", "Hi", "--max-tokens", 20, "--seed", 5).out()).isEqualTo(text);
        assertThat(generate("--prompt", "Hi", "--max-tokens", 20, "--seed", 6).out()).isNotEqualTo(text);
    }

    @Test
    void temperature0TakesTheMostLikelyTokenOfEveryPosition() throws IOException {
        JsonNode json = generate("--ids", "300,301,302", "--temperature", 0, "--kv-type", "f32", "--max-tokens", 12,
                "--ignore-eos", "--json").succeeds().json();
        List<Integer> sequence = ids(json.get("prompt_ids"));
        sequence.addAll(ids(json.get("ids")));

        JsonNode positions = millraceReading(sequence + "\n", "logprobs", "--model", model, "--top", 1).succeeds()
                .json();

        for (int position = 2; position < 14; position++) {
            assertThat(positions.at("/" + position + "/top/0/0").asInt()).isEqualTo(sequence.get(position + 1));
        }
    }

    @Test
    void topK1IsGreedyAtAnyTemperature() {
        String greedy = generate("--prompt", "Hi", "--temperature", 0, "--max-tokens", 12).succeeds().out();

        assertThat(generate("--prompt", "Hi", "--temperature", 5, "--top-k", 1, "--max-tokens", 12).out())
                .isEqualTo(greedy);
    }

    // ------------------------------------------------------------------------------------------------- endings

    @Test
    void theTextEndsBeforeTheFirstStopString() throws IOException {
        String text = generate("--prompt", "Hi", "--max-tokens", 40, "--ignore-eos", "--json").json().get("text")
                .asText();
        String stop = text.substring(text.length() / 2, text.length() / 2 + 6);

        JsonNode json = generate("--prompt", "Hi", "--max-tokens", 40, "--ignore-eos", "--stop", "never drawn",
                "--stop", stop, "--json").succeeds().json();

        assertThat(json.get("text").asText()).isEqualTo(text.substring(0, text.indexOf(stop)));
        assertThat(json.get("finish_reason").asText()).isEqualTo("stop");
    }

    @Test
    void theModelsOwnStopTokenEndsTheTextUnlessItIsIgnored() throws IOException {
        Object[] wild = {"--prompt", "Hi", "--temperature", 4, "--top-p", 1, "--max-tokens", 1000, "--json"};
        JsonNode on = generate(with(wild, "--ignore-eos")).succeeds().json();
        JsonNode ended = generate(wild).succeeds().json();

        int end = ids(on.get("ids")).indexOf(tokenizer.specials().endOfTurn());
        assertThat(on.get("ids")).hasSize(1000);
        assertThat(on.get("finish_reason").asText()).isEqualTo("length");
        assertThat(ids(ended.get("ids"))).isEqualTo(ids(on.get("ids")).subList(0, end + 1));
        assertThat(ended.get("finish_reason").asText()).isEqualTo("stop");
        assertThat(on.get("text").asText()).startsWith(ended.get("text").asText());
    }

    private static Object[] with(Object[] arguments, Object last) {
        List<Object> all = new ArrayList<>(Arrays.asList(arguments));
        all.add(last);
        return all.toArray();
    }

    @Test
    void moreTokensThanTheContextHoldsEndByLength() throws IOException {
        JsonNode json = generate("--ids", "300,301", "--max-tokens", Integer.MAX_VALUE, "--ignore-eos", "--json")
                .succeeds().json();

        assertThat(json.get("ids")).hasSize(SmallModel.CONTEXT - 2);
        assertThat(json.get("finish_reason").asText()).isEqualTo("length");
    }

    @Test
    void speculationDoesNotChangeTheText() {
        String text = generate("--prompt", "Hi", "--max-tokens", 60, "--temperature", 0).succeeds().out();

        assertThat(generate("--prompt", "Hi", "--max-tokens", 60, "--temperature", 0, "--num-speculative-tokens", 4,
                "--prompt-lookup-ngram", 1).succeeds().out()).isEqualTo(text);
    }

    // ------------------------------------------------------------------------------------------------ mistakes

    @ParameterizedTest
    @CsvSource({"--max-tokens, 0, is not 1 or more", "--max-tokens, -1, is not 1 or more",
            "--temperature, NaN, is not between 0 and 100", "--temperature, -0.1, is not between 0 and 100",
            "--top-p, 2, is not above 0 and at most 1", "--top-p, 0, is not above 0 and at most 1",
            "--top-k, -1, is not 0 or more", "--min-p, 1.5, is not between 0 and 1", "--stop, '', is empty",
            "--threads, 0, is not 1 or more", "--kv-memory, 0, is not 1 or more",
            "--num-speculative-tokens, -1, is not 0 or more", "--prompt-lookup-ngram, 0, is not 1 or more"})
    void aValueOutOfRangeIsRefused(String option, String value, String problem) {
        generate("--prompt", "Hi", option, value).isRefused(option + ": ", value, problem);
    }

    @ParameterizedTest
    @CsvSource({"--max-tokens, many", "--temperature, hot", "--kv-type, f8"})
    void aValueOfTheWrongKindIsRefused(String option, String value) {
        generate("--prompt", "Hi", option, value).isMisuse(option, value);
    }

    @ParameterizedTest
    @CsvSource({"'1,two', 'expected numbers'", "'', 'expected numbers'", "'1,,2', 'expected numbers'",
            "'1,99999', 'token id 99999 is outside the vocabulary'",
            "'1,-5', 'token id -5 is outside the vocabulary'"})
    void idsThatAreNoneOfTheModelsAreRefused(String ids, String problem) {
        generate("--ids", ids).isRefused("--ids: ", problem);
    }

    @Test
    void aPromptThatFillsTheContextIsRefused() {
        generate("--prompt", "mill ".repeat(SmallModel.CONTEXT)).isRefused("--prompt: ",
                "context of " + SmallModel.CONTEXT);
    }

    @Test
    void exactlyOnePromptIsTaken() {
        generate().isMisuse("--prompt", "--messages", "--ids");
        generate("--prompt", "Hi", "--ids", "1").isMisuse("--prompt", "--ids");
    }

    @Test
    void aMessagesFileThatIsNotThereIsNamed() {
        generate("--messages", directory.resolve("none.json")).isRefused("none.json: no such file", "--messages");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
            "[]                                       | messages",
            "{\"messages\":[{\"role\":\"king\",\"content\":\"x\"}]} | messages[0].role",
            "[{\"role\":\"user\"}]                    | messages[0].content",
            "[{\"role\":\"user\",                     | JSON",
            "Hello                                    | JSON"})
    void aMessagesFileThatIsNoConversationIsRefusedByItsField(String content, String field) throws IOException {
        Path messages = file("bad.json", content);

        generate("--messages", messages).isRefused(messages + ": ", field);
    }

    @Test
    void jsonIsOneLine() throws IOException {
        CommandRun run = generate("--prompt", "Hi", "--max-tokens", 5, "--json").succeeds();

        assertThat(run.out().lines()).hasSize(1);
        assertThat(new ObjectMapper().readTree(run.out()).isObject()).isTrue();
    }
}
