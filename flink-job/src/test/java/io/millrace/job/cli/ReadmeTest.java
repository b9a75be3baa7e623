package io.millrace.job.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;
import org.junit.jupiter.api.Test;

/** The README keeps up with the command line. */
class ReadmeTest {

    private static String readme() throws IOException {
        // Surefire runs in the module's directory.
        Path readme = Path.of("..", "README.md");
        assumeTrue(Files.exists(readme), "there is no README.md yet");
        return Files.readString(readme);
    }

    @Test
    void itNamesEverySetting() throws IOException {
        Stream<String> keys = JobSettings.OPTIONS.stream().map(ConfigOption::key);

        assertThat(readme()).contains(keys.map(key -> "`" + key + "`").toList());
    }

    @Test
    void itNamesNoSettingThatDoesNotExist() throws IOException {
        Stream<String> keys = JobSettings.OPTIONS.stream().map(ConfigOption::key);
        // Topics have such names too, by default.
        Stream<String> defaults = JobSettings.OPTIONS.stream().map(option -> String.valueOf(option.defaultValue()));
        Stream<String> system = Stream.of("millrace.kernels", "millrace.log.level");
        Stream<String> named = Pattern.compile("`(millrace\\.[a-z.-]+)`").matcher(readme()).results()
                .map(match -> match.group(1));

        assertThat(Stream.of(keys, defaults, system).flatMap(names -> names)).containsAll(named.toList());
    }

    @Test
    void itNamesEveryVerb() throws IOException {
        Stream<String> verbs = Millrace.commandLine(InputStream.nullInputStream()).getSubcommands().keySet().stream();

        assertThat(readme()).contains(verbs.map(verb -> "`" + verb + "`").toList());
    }
}
