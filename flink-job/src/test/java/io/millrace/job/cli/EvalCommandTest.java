package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millrace;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.job.ShippedModel;
import io.millrace.training.desk.Language;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvalCommandTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** A model that knows nothing is right in nothing, but every held-out turn is asked, answered and counted. */
    @Test
    void everyTurnIsHeldThroughTheJobAndCountedBySkillAndLanguage(@TempDir Path directory) throws IOException {
        Path failures = directory.resolve("failures.jsonl");

        CommandRun run = millrace("eval", "--model", SmallModel.in(directory), "--count", 1, "--json", "--failures",
                failures).succeeds();

        JsonNode report = run.json();
        assertThat(report.path("dialogues").asInt()).isEqualTo(6 * 8);
        assertThat(report.path("rows").findValuesAsText("measure")).containsExactly("valid JSON", "category",
                "sentiment", "urgency", "language", "order number", "memory over turns", "tool and arguments",
                "the same, new tools", "tool's result used", "steering obeyed", "refusal to guess");
        assertThat(report.path("rows")).allSatisfy(row -> {
            assertThat(row.path("all").path("count").asInt()).isGreaterThanOrEqualTo(8);
            assertThat(row.path("all").path("right").asInt()).isZero();
            assertThat(row.path("languages").properties()).extracting(entry -> entry.getKey())
                    .containsExactly(Stream.of(Language.values()).map(Language::code).toArray(String[]::new));
        });
        List<String> lines = Files.readAllLines(failures);
        assertThat(lines).hasSizeGreaterThanOrEqualTo(7 * 8);
        JsonNode first = JSON.readTree(lines.getFirst());
        assertThat(first.path("messages")).isNotEmpty();
        assertThat(first.path("expected").asText()).isNotEmpty();
        assertThat(first.path("missed")).isNotEmpty();
    }

    @Test
    void theShippedModelIsGoodAtTheDesk(@TempDir Path directory) throws IOException {
        assumeTrue(ShippedModel.extract(Optional.of(directory)).isPresent(), "this build has no model of its own");

        JsonNode report = millrace("eval", "--quick", "--json", "--weights-cache-dir", directory).succeeds().json();

        // What it reaches in this sample, less an answer or two; MODEL-CARD.md has its figures in ten times as many.
        Map<String, Integer> percent = Map.ofEntries(Map.entry("valid JSON", 96), Map.entry("category", 96),
                Map.entry("sentiment", 87), Map.entry("urgency", 96), Map.entry("language", 96),
                Map.entry("order number", 94), Map.entry("memory over turns", 67), Map.entry("tool and arguments", 82),
                Map.entry("tool's result used", 88), Map.entry("steering obeyed", 91),
                Map.entry("refusal to guess", 87));
        assertThat(report.path("rows")).filteredOn(row -> percent.containsKey(row.path("measure").asText()))
                .hasSameSizeAs(percent.keySet())
                .allSatisfy(row -> assertThat(row.path("all").path("percent").asDouble())
                        .as(row.path("measure").asText())
                        .isGreaterThanOrEqualTo(percent.getOrDefault(row.path("measure").asText(), 100)));
    }

    @Test
    void aCountBelowOneIsRefused() {
        millrace("eval", "--count", 0).isRefused("--count: 0 is not 1 or more");
    }

    @Test
    void quickAndACountExcludeEachOther() {
        millrace("eval", "--count", 3, "--quick").isMisuse("--count", "--quick");
    }
}
