package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millrace;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BenchCommandTest {
    private static Path model;

    @BeforeAll
    static void writeModel(@TempDir Path temporary) throws IOException {
        model = SmallModel.in(temporary);
    }

    @Test
    void jsonIsOneObjectWithAResultPerTest() throws IOException {
        CommandRun run = millrace("bench", "--model", model, "--pp", 5, "--tg", 2, "--batch", "1,3", "--prompt", 4,
                "--threads", 2, "--repetitions", 2, "--json").succeeds();

        assertThat(run.out().lines()).hasSize(1);
        JsonNode report = run.json();
        assertThat(report.fieldNames()).toIterable().containsExactly("model", "threads", "kv_type", "limits",
                "results");
        assertThat(report.get("model").isTextual()).isTrue();
        assertThat(report.get("threads").intValue()).isEqualTo(2);
        assertThat(report.at("/limits/memory_gb_per_s").doubleValue()).isPositive();
        assertThat(report.at("/limits/fma_gflop_per_s").doubleValue()).isPositive();
        assertThat(report.at("/results")).extracting(result -> result.get("test").textValue())
                .containsExactly("pp5", "tg2", "tg2");
        assertThat(report.at("/results")).extracting(result -> result.get("batch").intValue()).containsExactly(1, 1, 3);
        for (JsonNode result : report.get("results")) {
            assertThat(result.fieldNames()).toIterable().containsExactly("test", "depth", "batch", "tokens_per_second",
                    "min",
                    "max", "gb_per_s", "gflop_per_s", "share", "share_of");
            double median = result.get("tokens_per_second").doubleValue();
            assertThat(median).isBetween(result.get("min").doubleValue(), result.get("max").doubleValue());
            assertThat(result.get("gb_per_s").doubleValue()).isPositive();
            assertThat(result.get("gflop_per_s").doubleValue()).isPositive();
            assertThat(result.get("share").doubleValue()).isPositive();
            assertThat(result.get("share_of").textValue()).isIn("memory", "fma");
        }
    }

    @Test
    void aPersonGetsATable() {
        CommandRun run = millrace("bench", "--model", model, "--pp", 5, "--tg", 2, "--batch", 2, "--prompt", 4,
                "--repetitions", 1).succeeds();

        assertThat(run.out().lines()).anyMatch(line -> line.startsWith("test "))
                .anyMatch(line -> line.matches("pp5 +0 +1 .*%.*")).anyMatch(line -> line.matches("tg2 +0 +2 .*%.*"));
    }

    @ParameterizedTest
    @CsvSource({"--pp, 0", "--pp, -1", "--tg, 0", "--batch, 0", "--prompt, 0", "--threads, 0", "--repetitions, 0"})
    void aValueOutOfRangeIsRefusedBeforeTheModelIsOpened(String option, String value) {
        millrace("bench", "--model", "nowhere.gguf", option, value)
                .isRefused(option + ": " + value + " is not 1 or more");
    }

    @Test
    void aBatchIsAtMostAForwardPass() {
        millrace("bench", "--model", "nowhere.gguf", "--batch", "1,257")
                .isRefused("--batch: 257 is more than the 256 rows of a forward pass");
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "1,,4", "2147483648"})
    void aBatchThatIsNoListOfNumbersIsRefused(String batches) {
        millrace("bench", "--model", "nowhere.gguf", "--batch", batches).isMisuse("--batch");
    }

    @Test
    void aTestLongerThanTheContextIsRefused() {
        millrace("bench", "--model", model, "--pp", 1025)
                .isRefused("--pp", "1025 positions, more than the model's context of 1024");
        millrace("bench", "--model", model, "--prompt", 1000, "--tg", 25)
                .isRefused("--prompt", "--tg", "1025 positions, more than the model's context of 1024");
        millrace("bench", "--model", model, "--pp", 24, "--tg", 1, "--prompt", 1, "--depth", "0,1001")
                .isRefused("--depth", "1025 positions, more than the model's context of 1024");
        millrace("bench", "--model", model, "--prompt", Integer.MAX_VALUE, "--tg", Integer.MAX_VALUE)
                .isRefused("--prompt", "--tg");
    }

    @Test
    void aDepthIsNotNegative() {
        millrace("bench", "--model", "nowhere.gguf", "--depth", "0,-1").isRefused("--depth: -1 is negative");
    }

    @Test
    void eachTestIsRunAtEachDepth() throws IOException {
        CommandRun run = millrace("bench", "--model", model, "--pp", 5, "--tg", 2, "--batch", 1, "--prompt", 4,
                "--depth",
                "0,100", "--kv-type", "f32", "--repetitions", 1, "--json").succeeds();

        assertThat(run.json().get("kv_type").textValue()).isEqualTo("f32");
        assertThat(run.json().at("/results")).extracting(result -> result.get("depth").intValue())
                .containsExactly(0, 0, 100, 100);
    }

    @Test
    void aModelIsNeededUnlessKernelsAreMeasured() {
        millrace("bench").isMisuse("--model=PATH", "--kernels");
        millrace("bench", "--kernels", "--batch", 8).isRefused("--batch: has no meaning with --kernels");
    }

    @Test
    void optionsOfAnotherMeasurementAreRefused() {
        millrace("bench", "--model", "nowhere.gguf", "--turns", 2)
                .isRefused("--turns: has a meaning only with --end-to-end");
        millrace("bench", "--model", "nowhere.gguf", "--end-to-end", "--pp", 2)
                .isRefused("--pp: has no meaning with --end-to-end");
        millrace("bench", "--kernels", "--end-to-end").isRefused("--end-to-end: has no meaning with --kernels");
    }

    @Test
    void conversationsLongerThanTheContextAreRefused() {
        millrace("bench", "--model", model, "--end-to-end", "--turns", 10, "--tokens", 200)
                .isRefused("--turns, --prompt and --tokens", "more than the model's context of 1024");
    }
}
