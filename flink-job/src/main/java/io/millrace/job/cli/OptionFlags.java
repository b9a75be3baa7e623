package io.millrace.job.cli;

import io.millrace.operator.MillraceOptions;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.description.HtmlFormatter;
import org.apache.flink.util.TimeUtils;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/**
 * A flag per setting, so that the command line, YAML and {@code -D} know the same ones: {@code millrace.model} is
 * {@code --model}, {@code millrace.engine.kv.type} is {@code --kv-type}, {@code millrace.topics.prompts} is
 * {@code --topics-prompts}.
 */
final class OptionFlags {
    private OptionFlags() {}

    /** The setting's name without {@code millrace} and without a section that says nothing to who types it. */
    static String flag(ConfigOption<?> option) {
        return "--"
                + option.key().replaceFirst("^millrace\\.((engine|kafka|sampling|session)\\.)?", "").replace('.', '-');
    }

    static void add(CommandSpec command, List<ConfigOption<?>> options) {
        for (ConfigOption<?> option : options) {
            command.addOption(OptionSpec.builder(names(option)).type(String.class).paramLabel("VALUE")
                    .description(description(option)).build());
        }
    }

    /** The model has the short name that it has with every verb. */
    private static String[] names(ConfigOption<?> option) {
        return option.equals(MillraceOptions.MODEL)
                ? new String[]{"-m", flag(option)}
                : new String[]{flag(option)};
    }

    /** What was typed, by the settings' own keys. */
    static Map<String, String> read(ParseResult parsed, List<ConfigOption<?>> options) {
        Map<String, String> settings = new LinkedHashMap<>();
        for (ConfigOption<?> option : options) {
            String value = parsed.matchedOptionValue(flag(option), (String) null);
            if (value != null) {
                settings.put(option.key(), value);
            }
        }
        return settings;
    }

    /** Two paragraphs, so that the key is not broken at its dots. */
    private static String[] description(ConfigOption<?> option) {
        String text = new HtmlFormatter().format(option.description()).replaceAll("<[^>]*>", "");
        String defaults = option.hasDefaultValue() ? " Default: " + print(option.defaultValue()) + "." : "";
        // Picocli reads % as the start of a variable.
        return new String[]{(text + defaults).replace("%", "%%"), option.key()};
    }

    private static String print(Object value) {
        return switch (value) {
            case Duration duration -> TimeUtils.formatWithHighestUnit(duration);
            case Float number when number == number.intValue() -> String.valueOf(number.intValue());
            case Enum<?> constant -> constant.toString().toLowerCase(Locale.ROOT);
            default -> value.toString();
        };
    }
}
