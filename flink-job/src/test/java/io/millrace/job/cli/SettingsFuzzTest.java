package io.millrace.job.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.fuzz.Inputs;
import io.millrace.job.kafka.KafkaSettings;
import io.millrace.operator.OperatorSettings;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/**
 * Whatever a user types or writes into a file, it is settings, token ids or messages, or an error that says what is wrong:
 * {@link IllegalArgumentException} of an option, {@link InvalidInput} of a file, {@link ParameterException} of a flag.
 */
public final class SettingsFuzzTest {
    private static final List<String> DICTIONARY = Stream.concat(
            Stream.of(Inputs.SEPARATOR, ": ", "9223372036854775807 s", "106751991168 d", "9223372036854775807 b",
                    "1e39", "NaN", "-1", "2147483648", "none", "avro", "[1, 2]", "&a ", "*a", "? ", "- ", "|\n", "--- ",
                    "run", "chat", "demo", "bench", "--help", "-D", "-D=", "--config"),
            JobSettings.OPTIONS.stream().map(ConfigOption::key)).toList();
    private static final FuzzTarget TARGET = new FuzzTarget(SettingsFuzzTest.class, "settings", DICTIONARY,
            SettingsFuzzTest::check);
    private static final Path FILE = FuzzTarget.directory("settings-file").resolve("millrace.yaml");
    private static final CommandLine COMMAND = Millrace.commandLine(InputStream.nullInputStream())
            .setExpandAtFiles(false);

    static {
        // Picocli writes a warning for what it does not know.
        CommandLine.tracer().setLevel(CommandLine.TraceLevel.OFF);
    }

    @TestFactory
    Stream<DynamicTest> everyInputIsSettingsOrRefused() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    /** The first section is a file of settings, and of messages; the second a list of ids; the others are arguments. */
    private static void check(byte[] input) throws IOException {
        List<byte[]> sections = Inputs.sections(input);
        checkSettings(sections.getFirst());
        checkMessages(sections.getFirst());
        if (sections.size() > 1) {
            checkIds(Inputs.text(sections.get(1)));
            String[] arguments = sections.stream().skip(1).map(Inputs::text).toArray(String[]::new);
            try {
                assertThat(COMMAND.parseArgs(arguments)).isNotNull();
            } catch (ParameterException e) {
                assertThat(e.getMessage()).isNotBlank();
            }
        }
    }

    private static void checkSettings(byte[] yaml) throws IOException {
        Map<String, String> settings;
        try {
            Files.write(FILE, yaml);
            settings = SettingsFile.read(FILE);
        } catch (InvalidInput e) {
            assertThat(e.getMessage()).startsWith(FILE.toString());
            return;
        }
        Configuration config = Configuration.fromMap(settings);
        checkNamed(() -> OperatorSettings.of(config), settings);
        checkNamed(() -> KafkaSettings.of(config), settings);
    }

    /** An error names a setting of the job, of Kafka or of Flink. */
    private static void checkNamed(Runnable reader, Map<String, String> settings) {
        try {
            reader.run();
        } catch (IllegalArgumentException e) {
            assertThat(e.getMessage()).as(settings.keySet().stream().collect(Collectors.joining(", ")))
                    .containsAnyOf("millrace.", "kafka.", "execution.");
        }
    }

    private static void checkIds(String list) {
        try {
            int[] ids = TokenIds.parse(list);
            TokenIds.check(ids, "--ids", 100);
            assertThat(ids).isNotEmpty();
            assertThat(Arrays.stream(ids)).allMatch(id -> id >= 0 && id < 100);
        } catch (InvalidInput e) {
            assertThat(e.getMessage()).startsWith("--ids: ");
        }
    }

    private static void checkMessages(byte[] json) throws IOException {
        try {
            assertThat(MessagesFile.read(Path.of("-"), new ByteArrayInputStream(json)).event()).isNotNull();
        } catch (InvalidInput e) {
            assertThat(e.getMessage()).startsWith("-: ");
        }
    }
}
