package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millrace;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SampleModelCommandTest {

    private final Path directory;

    SampleModelCommandTest(@TempDir Path directory) {
        this.directory = directory;
    }

    private CommandRun write(String name, Object... more) {
        Object[] arguments = new Object[more.length + 3];
        arguments[0] = "sample-model";
        arguments[1] = "--out";
        arguments[2] = directory.resolve(name);
        System.arraycopy(more, 0, arguments, 3, more.length);
        return millrace(arguments);
    }

    @Test
    void equalSeedsGiveEqualFilesAndOthersDoNot() throws IOException {
        CommandRun run = write("a.gguf", "--seed", 7);
        write("b.gguf", "--seed", 7);
        write("c.gguf", "--seed", 8);

        assertThat(run.exitCode()).isZero();
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).startsWith("Wrote " + directory.resolve("a.gguf")).contains("untrained");
        assertThat(directory.resolve("a.gguf")).hasSameBinaryContentAs(directory.resolve("b.gguf"));
        assertThat(Files.mismatch(directory.resolve("a.gguf"), directory.resolve("c.gguf"))).isNotNegative();
    }

    @Test
    void aFileThatIsThereIsOverwrittenOnlyByForce() throws IOException {
        Path file = Files.writeString(directory.resolve("mine.gguf"), "precious");

        write("mine.gguf").isRefused(file + " exists", "--force");
        assertThat(file).hasContent("precious");

        assertThat(write("mine.gguf", "--force").exitCode()).isZero();
        millrace("inspect", "--model", file).succeeds();
    }

    @Test
    void aDirectoryThatIsNotThereIsNamed() {
        CommandRun run = write("none/model.gguf");

        assertThat(run.err()).isEqualTo(
                "millrace: " + directory.resolve("none/model.gguf") + ": no such file or directory"
                        + System.lineSeparator());
        assertThat(run.exitCode()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"Q6_K", "q4_k", "Q5_K"})
    void aTypeThatItCannotWriteIsRefused(String type) {
        write("k.gguf", "--type", type).isRefused("--type: ", "F32, F16, BF16, Q8_0 or Q4_0");
        assertThat(directory.resolve("k.gguf")).doesNotExist();
    }
}
