package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millrace;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A model that cannot be used is told in one line that names file and field, whatever the verb. */
class ModelErrorsTest {
    private static Path directory;

    @BeforeAll
    static void damageModels(@TempDir Path temporary) throws IOException {
        directory = temporary;
        byte[] model = Files.readAllBytes(SmallModel.in(temporary));
        Files.write(directory.resolve("truncated.gguf"), Arrays.copyOf(model, model.length / 2));
        Files.write(directory.resolve("header.gguf"), Arrays.copyOf(model, 100));
        Files.writeString(directory.resolve("garbage.gguf"), "This is no model. ".repeat(100));
        Files.createFile(directory.resolve("empty.gguf"));
        Files.createDirectory(directory.resolve("directory"));
    }

    static Stream<Arguments> everyVerbAndFault() {
        Map<String, List<String>> verbs = Map.of("demo", List.of(), "run",
                List.of("--bootstrap-servers", "localhost:1", "--state", directory.resolve("state").toString()), "chat",
                List.of(), "generate", List.of("--prompt", "Hi"), "logprobs", List.of(), "tokenize", List.of(),
                "inspect", List.of(), "bench", List.of());
        List<String> files = List.of("none.gguf", "truncated.gguf", "header.gguf", "garbage.gguf", "empty.gguf",
                "directory");
        return verbs.entrySet().stream()
                .flatMap(verb -> files.stream().map(file -> Arguments.of(verb.getKey(), verb.getValue(), file)));
    }

    @ParameterizedTest(name = "{0} {2}")
    @MethodSource("everyVerbAndFault")
    void isToldInOneLine(String verb, List<String> options, String file) {
        Path model = directory.resolve(file);
        List<Object> arguments = new ArrayList<>(List.of(verb, "--model", model));
        arguments.addAll(options);

        CommandRun run = millrace(arguments.toArray());

        assertThat(run.err()).startsWith("millrace: " + model).doesNotContain("\tat ", "Exception");
        assertThat(run.err().lines()).hasSize(1);
        String[] parts = run.err().substring("millrace: ".length()).split(": ", 3);
        assertThat(parts).as("file, field and problem").hasSize(3).noneMatch(String::isBlank);
        assertThat(run.exitCode()).isEqualTo(2);
    }
}
