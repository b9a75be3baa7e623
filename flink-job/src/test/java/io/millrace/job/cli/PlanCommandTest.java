package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millrace;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.TaskManagerOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlanCommandTest {

    private static CommandRun plan(String model, int taskManagers, String memory, Object... more) {
        return millrace(Stream.concat(
                Stream.of("plan", "--model", model, "--task-managers", taskManagers, "--memory", memory, "--bandwidth",
                        28, "--gflops", 300),
                Arrays.stream(more)).toArray());
    }

    @Test
    void jsonHasExactlyTheseFields() throws IOException {
        JsonNode json = plan("405b", 7, "64g", "--json").succeeds().json();

        assertThat(json.fieldNames()).toIterable().containsExactly("model", "asked", "fits", "pipelines",
                "sessions_per_pipeline", "idle", "shards", "why", "remedies", "limits", "prediction", "settings");
        assertThat(json.get("model").fieldNames()).toIterable().containsExactly("name", "quantization", "layers",
                "file_bytes", "kv_bytes_per_token");
        assertThat(json.get("asked").toString()).isEqualTo("{\"task_managers\":7,\"memory_bytes\":68719476736,"
                + "\"context\":8192,\"sessions\":16,\"batch\":16,\"kv_type\":\"f16\",\"activation_type\":\"f32\"}");
        assertThat(json.get("shards")).hasSize(5).allSatisfy(shard -> {
            assertThat(shard.fieldNames()).toIterable().containsExactly("layers", "file_bytes", "packed_bytes",
                    "plain_bytes", "kv_bytes", "process_bytes", "bytes", "free_bytes");
            assertThat(shard.get("bytes").asLong() + shard.get("free_bytes").asLong()).isEqualTo(64L << 30);
        });
        assertThat(json.get("limits").toString()).contains("\"memory_gb_per_s\":28.0", "\"fma_gflop_per_s\":300.0",
                "\"network_gb_per_s\":1.25", "\"latency_ms\":0.5", "\"shared_machine\":false");
        assertThat(json.get("prediction").fieldNames()).toIterable().containsExactly("micro_batches", "rows",
                "position", "stages", "decode_tokens_per_s", "session_tokens_per_s", "prefill_tokens_per_s",
                "prompt_tokens", "first_token_ms", "network_bytes_per_token", "network_bytes_per_s", "bottleneck");
        assertThat(json.at("/prediction/stages")).hasSize(5);
        assertThat(json.at("/prediction/bottleneck").asText()).isEqualTo("slowest_shard");
    }

    @Test
    void aPersonGetsATableOfTaskManagers() {
        String text = plan("405b", 7, "64g").succeeds().out();

        // Paragraphs are folded.
        assertThat(text.replaceAll("\\s+", " ")).contains("405b, Q4_0 (every matrix)",
                "126 layers, 212.63 GiB in the file",
                "5 shards are the fewest that fit", "uses 5 of 7 task managers; 2 are left over", "decode",
                "millrace.shards: 5", "parallelism.default: 1");
        assertThat(text.lines()).allMatch(line -> line.length() <= 100, "100 columns")
                .anyMatch(line -> line.matches(" +1 +1 +1 +0-\\d+ .*"))
                .anyMatch(line -> line.matches(" +5 +1 +5 .*-125 .*"));
    }

    @Test
    void whatDoesNotFitEndsWithOneAndSaysWhatWould() throws IOException {
        CommandRun text = plan("405b", 4, "64g");
        CommandRun json = plan("405b", 4, "64g", "--json");

        assertThat(text.exitCode()).isEqualTo(json.exitCode()).isEqualTo(1);
        assertThat(text.err()).isEmpty();
        assertThat(text.out()).contains("It does not fit. ", "of 64.00 GiB", "--task-managers 5", "--memory 70g",
                "--context 5184", "--sessions 10").doesNotContain("millrace.shards");
        assertThat(json.json().get("fits").asBoolean()).isFalse();
        assertThat(json.json().get("remedies").get(0).toString())
                .isEqualTo("{\"option\":\"--task-managers\",\"value\":\"5\"}");
        assertThat(json.json().has("prediction")).isFalse();
    }

    @Test
    void theSettingsAreThoseOfTheJobAndOfFlink() throws IOException {
        JsonNode json = plan("405b", 16, "64g", "--context", 4096, "--batch", 8, "--kv-type", "q8", "--json").succeeds()
                .json();
        Configuration config = new Configuration();
        json.get("settings").properties()
                .forEach(entry -> config.setString(entry.getKey(), entry.getValue().asText()));

        assertThat(config.get(CoreOptions.DEFAULT_PARALLELISM)).isEqualTo(json.get("pipelines").asInt());
        assertThat(config.get(TaskManagerOptions.NUM_TASK_SLOTS)).isEqualTo(1);
        MemorySize kv = MemorySize.parse(config.toMap().get("millrace.engine.kv.memory"));
        assertThat(config.get(TaskManagerOptions.TASK_OFF_HEAP_MEMORY).getBytes()).isGreaterThan(kv.getBytes());
        for (JsonNode shard : json.get("shards")) {
            assertThat(shard.get("kv_bytes").asLong()).isLessThanOrEqualTo(kv.getBytes());
        }
        assertThat(config.toMap()).containsEntry("millrace.engine.kv.type", "q8")
                .containsEntry("millrace.engine.max-num-seqs", "2");
    }

    @Test
    void aModelOfFilesIsPlannedInItsOwnTypes(@TempDir Path directory) throws IOException {
        Path model = SmallModel.in(directory);
        JsonNode json = plan(model.toString(), 2, "2g", "--shards", "0,1", "--json").succeeds().json();

        assertThat(json.at("/model/quantization").asText()).isEqualTo("F32");
        assertThat(json.at("/model/file_bytes").asLong()).isLessThan(Files.size(model));
        assertThat(json.at("/asked/context").asInt()).as("the model's own").isEqualTo(SmallModel.CONTEXT);
        assertThat(json.at("/settings/millrace.shards").asText()).isIn("2", "0,1");
        plan(model.toString(), 2, "2g", "--quant", "Q8_0").isRefused("--quant: " + model, "leave it out");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            --task-managers | 0        | 0 is not 1 or more
            --memory        | much     | 'much' is no size of memory; write 64g
            --memory        | 0g       | 0g is not 1 byte or more
            --context       | 0        | 0 is not 1 or more
            --context       | 131073   | 131073 is more than the model's 131072
            --sessions      | 0        | 0 is not 1 or more
            --batch         | -1       | -1 is not 1 or more
            --micro-batches | 0        | 0 is not 1 or more
            --cores         | 0        | 0 is not 1 or more
            --bandwidth     | 0        | 0.0 is not a number above 0
            --gflops        | NaN      | NaN is not a number above 0
            --network       | -1       | -1.0 is not a number above 0
            --latency       | -1       | -1.0 is not 0 or more
            --shards        | 0        | 0 shards
            --shards        | 0-3;4-31 | '0-3;4-31' is no range of layers; write 0-15,16-31
            --shards        | 33       | 33 shards of a model with 32 layers; use 1 to 32
            --shards        | 0-30     | layers 0-30: they are 31 layers, and the model has 32
            """)
    void aValueOutOfRangeIsRefused(String option, String value, String message) {
        Stream<Object> good = Stream.of("plan", "--model", "8b", "--task-managers", 4, "--memory", "64g", "--bandwidth",
                28, "--gflops", 300);
        Object[] arguments = Stream.of("--task-managers", "--memory", "--bandwidth", "--gflops")
                .anyMatch(option::equals)
                        ? replaced(good.toArray(), option, value)
                        : Stream.concat(good, Stream.of(option, value)).toArray();

        millrace(arguments).isRefused(option + ": ", message);
    }

    private static Object[] replaced(Object[] arguments, String option, String value) {
        arguments[Arrays.asList(arguments).indexOf(option) + 1] = value;
        return arguments;
    }

    @Test
    void moreThanTheSessionsCannotDecode() {
        plan("8b", 1, "64g", "--sessions", 2, "--batch", 3).isRefused("--batch: 3 is more than the 2 of --sessions");
    }

    @Test
    void aModelThatIsNoneIsRefused() {
        plan("7b", 1, "64g").isRefused("--model: 7b is no file or directory, and no geometry: 1b, 3b, 8b, 70b, 405b");
        plan("8b", 1, "64g", "--quant", "Q3_K").isMisuse("--quant", "Q4_K_M");
    }

    @Test
    void coresOfOtherMachinesNeedTheirBandwidth() {
        millrace("plan", "--model", "8b", "--task-managers", 1, "--memory", "64g", "--cores", 1000)
                .isRefused("--cores: ", "give --bandwidth too");
    }
}
