package io.millrace.job.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.job.kafka.KafkaSettings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParseResult;

class JobSettingsTest {

    private final Path directory;

    JobSettingsTest(@TempDir Path directory) {
        this.directory = directory;
    }

    /** A command that has the settings and nothing else. */
    @CommandLine.Command
    private static final class Holder {
        @Mixin
        private JobSettings settings;
    }

    private static Map<String, String> parse(Object... arguments) throws IOException {
        Holder holder = new Holder();
        String[] words = Arrays.stream(arguments).map(Object::toString).toArray(String[]::new);
        ParseResult parsed = new CommandLine(holder).parseArgs(words);
        return holder.settings.configuration(parsed).toMap();
    }

    private Path file(String yaml) throws IOException {
        return Files.writeString(directory.resolve("settings.yaml"), yaml);
    }

    @Test
    void aFlagWinsOverAPropertyAndAPropertyOverTheFile() throws IOException {
        Path file = file("""
                millrace.model: file
                millrace.topics.prompts: file
                millrace.topics.deltas: file
                """);

        assertThat(parse("--config", file, "-Dmillrace.topics.prompts=property", "-Dmillrace.topics.deltas=property",
                "--topics-deltas", "flag")).containsOnly(Map.entry("millrace.model", "file"),
                        Map.entry("millrace.topics.prompts", "property"), Map.entry("millrace.topics.deltas", "flag"));
    }

    @Test
    void nestedAndFlatYamlSayTheSame() throws IOException {
        Map<String, String> nested = parse("--config", file("""
                millrace:
                  model: model.gguf
                  engine:
                    kv: {memory: 4g, type: f32}
                    threads: 3
                kafka:
                  security.protocol: SASL_SSL
                parallelism.default: 2
                """));
        Map<String, String> flat = parse("--config", file("""
                millrace.model: model.gguf
                millrace.engine.kv.memory: 4g
                millrace.engine.kv.type: f32
                millrace.engine.threads: 3
                kafka.security.protocol: SASL_SSL
                parallelism.default: 2
                """));

        assertThat(nested).isEqualTo(flat).hasSize(6).containsEntry("millrace.engine.kv.memory", "4g")
                .containsEntry("millrace.engine.threads", "3");
    }

    @Test
    void everySettingHasAFlagOfItsOwnThatSetsIt() throws IOException {
        List<String> flags = new ArrayList<>();
        for (ConfigOption<?> option : JobSettings.OPTIONS) {
            String flag = OptionFlags.flag(option);
            flags.add(flag);
            assertThat(parse(flag, "x")).containsOnly(Map.entry(option.key(), "x"));
        }
        assertThat(flags).doesNotHaveDuplicates().contains("--model", "--bootstrap-servers", "--kv-memory",
                "--kv-type", "--topics-prompts", "--temperature", "--ttl").allMatch(flag -> flag.matches("--[a-z-]+"));
    }

    @Test
    void everySettingIsADistinctMillraceKeyWithADescription() {
        assertThat(JobSettings.OPTIONS).extracting(ConfigOption::key).doesNotHaveDuplicates()
                .allMatch(key -> key.matches("millrace\\.[a-z.-]+"));
        assertThat(CommandRun.millrace("run", "--help").succeeds().out().lines().map(String::strip))
                .containsAll(JobSettings.OPTIONS.stream().map(ConfigOption::key).toList());
    }

    @ParameterizedTest
    @CsvSource({"-Dmillrace.modle=x", "-Dmillrace.engine.kv-memory=4g"})
    void anUnknownSettingIsNamed(String property) {
        String key = property.substring(2, property.indexOf('='));

        assertThatThrownBy(() -> parse(property)).isInstanceOf(InvalidInput.class)
                .hasMessageStartingWith(key + ": no such setting");
    }

    @Test
    void anUnknownSettingInTheFileIsNamed() throws IOException {
        Path file = file("millrace: {engine: {treads: 3}}");

        assertThatThrownBy(() -> parse("--config", file)).isInstanceOf(InvalidInput.class)
                .hasMessageStartingWith("millrace.engine.treads: no such setting");
    }

    @Test
    void propertiesOfKafkasClientsPassThrough() throws IOException {
        Configuration settings = Configuration.fromMap(
                parse("--bootstrap-servers", "b:9092", "-Dkafka.security.protocol=SASL_SSL",
                        "-Dkafka.sasl.mechanism=PLAIN"));

        assertThat(KafkaSettings.of(settings).client()).containsEntry("security.protocol", "SASL_SSL")
                .containsEntry("sasl.mechanism", "PLAIN").containsEntry("bootstrap.servers", "b:9092");
    }

    @Test
    void aFileThatIsNotThereIsNamed() {
        assertThatThrownBy(() -> parse("--config", directory.resolve("none.yaml"))).isInstanceOf(InvalidInput.class)
                .hasMessageContainingAll("none.yaml", "no such file", "--config");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"a: [1, 2 | no YAML", "- a | expected settings",
            "millrace.model: [a] | found a list"})
    void aFileThatHoldsNoSettingsIsRefused(String yaml, String problem) throws IOException {
        Path file = file(yaml);

        assertThatThrownBy(() -> parse("--config", file)).isInstanceOf(InvalidInput.class)
                .hasMessageStartingWith(file.toString()).hasMessageContaining(problem);
    }

    @Test
    void anEmptyFileSaysNothing() throws IOException {
        assertThat(parse("--config", file("# nothing yet\n"))).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"--threads, many, millrace.engine.threads", "--kv-memory, lots, millrace.engine.kv.memory",
            "--kv-type, f8, millrace.engine.kv.type", "--temperature, -1, millrace.sampling.temperature",
            "--topics-partitions, 0, millrace.topics.partitions"})
    void aValueThatCannotBeIsRefusedByItsKey(String flag, String value, String key) {
        CommandRun.millrace("run", "--bootstrap-servers", "localhost:1", "--model", "none.gguf", flag, value)
                .isRefused(key, value);
    }

    @Test
    void aMissingModelOrBrokerIsAskedFor() {
        CommandRun.millrace("run", "--model", "m.gguf").isRefused("millrace.kafka.bootstrap-servers: missing");
        CommandRun.millrace("run", "--bootstrap-servers", "localhost:1").isRefused("millrace.model: missing");
    }
}
