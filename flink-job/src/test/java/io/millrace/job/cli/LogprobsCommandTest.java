package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millrace;
import static io.millrace.job.cli.CommandRun.millraceReading;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.runtime.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LogprobsCommandTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String NUMBER = "-?\\d+(\\.\\d+)?(E-?\\d+)?";

    private static Path model;

    @BeforeAll
    static void writeModel(@TempDir Path temporary) throws IOException {
        model = SmallModel.in(temporary);
    }

    private static List<String> logprobs(String lines, int top) {
        return millraceReading(lines, "logprobs", "--model", model, "--top", top).succeeds().out().lines().toList();
    }

    @Test
    void aLineHasAnObjectPerPosition() {
        String pair = "\\[\\d+," + NUMBER + "]";
        assertThat(logprobs("[300,301]\n", 2)).singleElement().asString()
                .matches("\\[\\{\"pos\":0,\"top\":\\[" + pair + "," + pair + "]},\\{\"pos\":1,\"top\":\\[" + pair + ","
                        + pair + "]}]");
    }

    @Test
    void thereAre20TokensPerPositionWhenNothingIsSaid() throws IOException {
        JsonNode line = millraceReading("[300]", "logprobs", "--model", model).succeeds().json();

        assertThat(line.at("/0/top")).hasSize(20);
    }

    @Test
    void probabilitiesOfAllTokensAddUpTo1() throws IOException {
        JsonNode top = JSON.readTree(logprobs("[300,301,302]", Integer.MAX_VALUE).getFirst()).at("/2/top");

        assertThat(top).hasSize(Tokenizer.load(model).vocabularySize());
        double sum = 0;
        for (JsonNode pair : top) {
            sum += Math.exp(pair.get(1).asDouble());
        }
        assertThat(sum).isCloseTo(1, within(1e-5));
    }

    /** The output rows of bytes and special tokens are zero in a sample model, so many tokens are equally likely. */
    @Test
    void theHighestComesFirstAndTiesGoByLowerId() throws IOException {
        JsonNode top = JSON.readTree(logprobs("[300,301,302]", Integer.MAX_VALUE).getFirst()).at("/2/top");

        int ties = 0;
        for (int i = 1; i < top.size(); i++) {
            double difference = top.get(i - 1).get(1).asDouble() - top.get(i).get(1).asDouble();
            assertThat(difference).isNotNegative();
            if (difference == 0 && top.get(i - 1).get(0).asInt() < top.get(i).get(0).asInt()) {
                ties++;
            } else {
                assertThat(difference).as("ids out of order at %d", i).isPositive();
            }
        }
        assertThat(ties).isGreaterThan(200);
    }

    @Test
    void linesAreIndependentAndBlankOnesAreSkipped() {
        List<String> together = logprobs("[300,301]\n\n[5]\n[300,301]\n", 5);

        assertThat(together).containsExactly(logprobs("[300,301]", 5).getFirst(), logprobs("[5]", 5).getFirst(),
                logprobs("[300,301]", 5).getFirst());
    }

    @Test
    void aPositionDependsOnNothingThatFollowsIt() {
        String ids = IntStream.range(0, 150).mapToObj(i -> String.valueOf(300 + i % 50))
                .collect(Collectors.joining(","));
        String start = IntStream.range(0, 70).mapToObj(i -> String.valueOf(300 + i % 50))
                .collect(Collectors.joining(","));
        String whole = logprobs("[" + ids + "]", 3).getFirst();
        String part = logprobs("[" + start + "]", 3).getFirst();

        assertThat(whole).startsWith(part.substring(0, part.length() - 1));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"Hello | expected a JSON array of token ids", "[1,2 | expected a JSON array",
            "[1.5] | expected a JSON array", "[\"a\"] | expected a JSON array", "[\"7\"] | expected a JSON array",
            "[true] | expected a JSON array", "null | expected a JSON array",
            "[1] [2] | expected a JSON array", "[] | no token ids", "[1,99999] | token id 99999 is outside",
            "[-1] | token id -1 is outside"})
    void aBadLineIsToldByItsNumber(String line, String problem) {
        CommandRun run = millraceReading("[300]\n" + line + "\n", "logprobs", "--model", model);

        assertThat(run.err()).startsWith("millrace: standard input, line 2: ").contains(problem);
        assertThat(run.err().lines()).hasSize(1);
        assertThat(run.out().lines()).as("the line before it is answered").hasSize(1);
        assertThat(run.exitCode()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource({"--top, 0", "--top, -3", "--threads, 0"})
    void aValueOutOfRangeIsRefused(String option, String value) {
        millrace("logprobs", "--model", model, option, value).isRefused(option + ": " + value + " is not 1 or more");
    }

    @ParameterizedTest
    @CsvSource({"tiny-f32.gguf, tiny-f32.json", "odd-hf, odd-f32.json"})
    void recordedLogprobsAreMet(String golden, String recorded) throws IOException {
        Path shared = Path.of(System.getProperty("millrace.shared", "absent"), "golden");
        assumeTrue(Files.exists(shared.resolve(golden)), "the recorded outputs are not here: " + shared);
        JsonNode prompts = JSON.readTree(shared.resolve(recorded).toFile()).get("f32");
        StringBuilder lines = new StringBuilder();
        prompts.forEach(prompt -> lines.append(prompt.get("tokens")).append('\n'));

        List<String> answers = millraceReading(lines.toString(), "logprobs", "--model", shared.resolve(golden), "--top",
                100).succeeds().out().lines().toList();

        assertThat(answers).hasSize(prompts.size());
        for (int i = 0; i < answers.size(); i++) {
            JsonNode answer = JSON.readTree(answers.get(i));
            for (JsonNode position : prompts.get(i).get("positions")) {
                JsonNode here = answer.get(position.get("pos").asInt());
                assertThat(here.get("pos")).isEqualTo(position.get("pos"));
                Map<Integer, Double> found = new HashMap<>();
                here.get("top").forEach(pair -> found.put(pair.get(0).asInt(), pair.get(1).asDouble()));
                for (JsonNode pair : position.get("top")) {
                    assertThat(found.get(pair.get(0).asInt())).isCloseTo(pair.get(1).asDouble(), within(2e-4));
                }
            }
        }
    }
}
