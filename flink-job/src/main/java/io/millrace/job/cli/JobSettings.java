package io.millrace.job.cli;

import io.millrace.job.kafka.KafkaOptions;
import io.millrace.operator.MillraceOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** The job's settings from a file, from {@code -D} and from flags; later ones win. */
final class JobSettings {
    static final List<ConfigOption<?>> OPTIONS = Stream.concat(KafkaOptions.ALL.stream(), MillraceOptions.ALL.stream())
            .toList();

    @Option(names = "--config", paramLabel = "FILE", description = "Settings in YAML.")
    private @Nullable Path file;

    @Option(names = "-D", paramLabel = "KEY=VALUE", mapFallbackValue = "", description = "A setting of Millrace, Flink or Kafka.")
    private Map<String, String> properties = Map.of();

    /** Adds a flag per option of the job. */
    @Spec(Spec.Target.MIXEE)
    void mixInto(CommandSpec command) {
        OptionFlags.add(command, OPTIONS);
    }

    Configuration configuration(ParseResult parsed) throws IOException {
        Map<String, String> settings = new LinkedHashMap<>();
        if (file != null) {
            settings.putAll(SettingsFile.read(file));
        }
        settings.putAll(properties);
        settings.putAll(OptionFlags.read(parsed, OPTIONS));
        Set<String> known = OPTIONS.stream().map(ConfigOption::key).collect(Collectors.toSet());
        for (String key : settings.keySet()) {
            if (key.startsWith("millrace.") && !known.contains(key)) {
                throw new InvalidInput(key + ": no such setting; 'millrace run --help' lists them");
            }
        }
        return Configuration.fromMap(settings);
    }
}
