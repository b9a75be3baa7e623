package io.millrace.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.job.deploy.DeployedFiles;
import io.millrace.job.embedded.EmbeddedCluster;
import io.millrace.job.format.EventFormat;
import io.millrace.operator.MillraceOptions;
import io.millrace.operator.OverflowPolicy;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import io.prometheus.client.Collector.MetricFamilySamples.Sample;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.metrics.prometheus.CollectingPrometheusReporter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a running job tells Prometheus, and what the dashboard and the documentation make of it. */
class MetricsTest {
    private static final String OPERATOR = "flink_taskmanager_job_task_operator_";
    private static final int CONVERSATIONS = 6;

    private static List<Sample> samples;

    /** Two turns each of a few conversations, whose KV blocks the arena cannot hold together, and who forget their first. */
    @BeforeAll
    static void run(@TempDir Path directory) throws Exception {
        try (JobFixture fixture = new JobFixture(directory)) {
            Configuration options = fixture.options();
            options.setString("metrics.reporters", "collected");
            options.setString("metrics.reporter.collected.factory.class",
                    CollectingPrometheusReporter.Factory.class.getName());
            options.set(CoreOptions.DEFAULT_PARALLELISM, 1);
            options.set(MillraceOptions.SHARDS, "2");
            // 2 KiB a block: a layer's keys and values, 2 heads of 16 values in F16, 16 positions.
            options.set(MillraceOptions.KV_MEMORY, MemorySize.parse("40kb"));
            options.set(MillraceOptions.MAX_TURNS, 1);
            options.set(MillraceOptions.OVERFLOW, OverflowPolicy.DROP_OLDEST_TURNS);
            try (EmbeddedCluster job = fixture.start(options);
                    EventsClient client = fixture.client(options, EventFormat.JSON)) {
                for (int turn = 0; turn < 2; turn++) {
                    for (int conversation = 0; conversation < CONVERSATIONS; conversation++) {
                        client.send(prompt("chat-" + conversation, turn));
                    }
                    for (int conversation = 0; conversation < CONVERSATIONS; conversation++) {
                        assertThat(client.completion("chat-" + conversation + "-" + turn).getError()).isNull();
                    }
                }
                samples = CollectingPrometheusReporter.samples().toList();
                assertThat(job.failure()).isEmpty();
            }
        }
    }

    private static PromptEvent prompt(String conversation, int turn) {
        return PromptEvent.newBuilder().setId(conversation + "-" + turn).setConversationId(conversation)
                .setMessages(List.of(Message.newBuilder().setRole("user")
                        .setContent("What does " + conversation + " say of the mill by the river? ".repeat(4)).build()))
                .setMaxCompletionTokens(8).build();
    }

    private static double value(String name) {
        return value(name, sample -> true);
    }

    private static double value(String name, int shard) {
        return value(name, sample -> sample.labelValues.get(sample.labelNames.indexOf("shard"))
                .equals(Integer.toString(shard)));
    }

    private static double value(String name, Predicate<Sample> which) {
        return samples.stream().filter(sample -> sample.name.equals(OPERATOR + name)).filter(which)
                .mapToDouble(sample -> sample.value).findFirst().orElseThrow(() -> new AssertionError(name));
    }

    @Test
    void sessionsThatLeaveTheArenaAndTurnsThatAreForgottenAreCounted() {
        assertThat(value("sessions_evicted")).isPositive();
        assertThat(value("turns_forgotten")).isEqualTo(CONVERSATIONS);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void eachShardSaysWhatItDoes(int shard) {
        assertThat(value("shard_tokens_computed", shard)).isGreaterThan(value("prompt_tokens_computed"));
        assertThat(value("shard_compute_time", shard)).isPositive();
        assertThat(value("shard_wait_time", shard)).isPositive();
        assertThat(value("shard_kv_blocks_saved", shard)).isPositive();
        assertThat(value("shard_kv_blocks_total", shard)).isEqualTo(20);
        assertThat(value("shard_batch_size_count", shard)).isEqualTo(value("shard_batch_tokens_count", shard))
                .isPositive();
    }

    @Test
    void theHeadSaysHowLongTheOthersAreAway() {
        assertThat(value("pipeline_round_trip_time_count")).isPositive();
        assertThat(value("pipeline_network_time")).isPositive();
    }

    // --------------------------------------------------------------------------------- documentation and dashboard

    /** The operator's own metrics by their names in Prometheus; Flink's begin with other words, or are in camel case. */
    private static Set<String> ours() {
        return samples.stream()
                .filter(sample -> sample.labelValues.contains("llama") && sample.name.matches(OPERATOR + "[a-z_]+"))
                .map(sample -> sample.name).collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> find(String regex, String text) {
        return Pattern.compile(regex, Pattern.MULTILINE).matcher(text).results().map(match -> match.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void theTableNamesEveryMetricAndNoOther() throws IOException {
        Set<String> documented = find("^\\| `([a-z_.]+)` \\|", DeployedFiles.text("README.md")).stream()
                .map(name -> OPERATOR + name.replace('.', '_')).collect(Collectors.toCollection(TreeSet::new));
        Set<String> families = ours().stream()
                .filter(name -> !name.endsWith("_count") || !ours().contains(name.replaceFirst("_count$", "")))
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(documented).isEqualTo(families);
    }

    @Test
    void theDashboardShowsEveryMetricAndNoneThatDoesNotExist() throws IOException {
        Set<String> shown = expressions().stream()
                .flatMap(expression -> find("\\b(flink_[A-Za-z_]+)", expression).stream())
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(shown).isSubsetOf(samples.stream().map(sample -> sample.name).collect(Collectors.toSet()));
        assertThat(shown.stream().map(name -> name.replaceFirst("_count$", ""))).containsAll(ours().stream()
                .map(name -> name.replaceFirst("_count$", "")).toList());
    }

    @Test
    void theDashboardSelectsByLabelsThatExistAndItsParenthesesMatch() throws IOException {
        Set<String> labels = samples.stream().flatMap(sample -> sample.labelNames.stream())
                .collect(Collectors.toCollection(TreeSet::new));
        for (String expression : expressions()) {
            assertThat(find("([a-z_]+)=~?\"", expression)).as(expression).isSubsetOf(labels);
            assertThat(expression.chars().filter(each -> each == '(').count()).as(expression)
                    .isEqualTo(expression.chars().filter(each -> each == ')').count());
        }
        assertThat(DeployedFiles.document("grafana/millrace.json").findValuesAsText("legendFormat").stream()
                .flatMap(legend -> find("\\{\\{([a-z_]+)}}", legend).stream())).isSubsetOf(labels);
    }

    private static List<String> expressions() throws IOException {
        List<String> expressions = DeployedFiles.document("grafana/millrace.json").findValuesAsText("expr");
        assertThat(expressions).hasSizeGreaterThan(20);
        return expressions;
    }
}
