package io.millrace.job.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The init container's script, from a folder in the place of a server. */
class FetchModelTest {
    private Path directory;
    private Path server;
    private Path models;
    private Path sums;

    private record Outcome(int code, String output) {}

    @BeforeEach
    void prepare(@TempDir Path temporary) throws IOException {
        for (String program : List.of("bash", "curl", "flock", "sha256sum")) {
            assumeTrue(Stream.of(Pattern.compile(":").split(System.getenv("PATH")))
                    .anyMatch(folder -> Files.isExecutable(Path.of(folder, program))), program + " is not here");
        }
        directory = temporary;
        server = Files.createDirectory(directory.resolve("server"));
        models = Files.createDirectory(directory.resolve("models"));
        sums = directory.resolve("SHA256SUMS");
    }

    private Outcome fetch() throws IOException, InterruptedException {
        Path output = directory.resolve("output.txt");
        Process script = new ProcessBuilder(DeployedFiles.DEPLOY.resolve("fetch-model").toAbsolutePath().toString(),
                server.toUri().toString(), sums.toString(), models.toString()).redirectErrorStream(true)
                .redirectOutput(output.toFile()).start();
        assertThat(script.waitFor(2, TimeUnit.MINUTES)).isTrue();
        return new Outcome(script.exitValue(), Files.readString(output));
    }

    private static String sum(String content) throws Exception {
        return HexFormat.of()
                .formatHex(MessageDigest.getInstance("SHA-256").digest(content.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void everyFileOfAModelIsFetchedOnce() throws Exception {
        Files.writeString(server.resolve("a-00001-of-00002.gguf"), "first");
        Files.writeString(server.resolve("a-00002-of-00002.gguf"), "second");
        Files.writeString(sums,
                sum("first") + "  a-00001-of-00002.gguf\n" + sum("second") + " *a-00002-of-00002.gguf\n");
        assertThat(fetch()).extracting(Outcome::code).isEqualTo(0);
        assertThat(models.resolve("a-00001-of-00002.gguf")).hasContent("first");
        assertThat(models.resolve("a-00002-of-00002.gguf")).hasContent("second");
        assertThat(models.resolve("SHA256SUMS")).as("for who opens the model").hasSameTextualContentAs(sums);
        Files.delete(server.resolve("a-00001-of-00002.gguf"));
        assertThat(fetch()).isEqualTo(new Outcome(0, "fetch-model: the model is there\n"));
    }

    @Test
    void anotherChecksumFetchesAgain() throws Exception {
        Files.writeString(server.resolve("m.gguf"), "old");
        Files.writeString(sums, sum("old") + "  m.gguf\n");
        assertThat(fetch().code()).isZero();
        Files.writeString(server.resolve("m.gguf"), "new");
        Files.writeString(sums, sum("new") + "  m.gguf\n");
        assertThat(fetch().code()).isZero();
        assertThat(models.resolve("m.gguf")).hasContent("new");
    }

    @Test
    void whatWasFetchedInPartIsGoneOnWith() throws Exception {
        // The beginning is not sent again: a wrong one would otherwise be replaced, and the checksum hold.
        Files.writeString(server.resolve("m.gguf"), "beginning and end");
        Files.writeString(models.resolve("m.gguf.part"), "BEGINNING");
        Files.writeString(sums, sum("BEGINNING and end") + "  m.gguf\n");
        assertThat(fetch().code()).isZero();
        assertThat(models.resolve("m.gguf")).hasContent("BEGINNING and end");
    }

    @Test
    void aFileThatIsNotTheOneDescribedIsRefusedAndRemoved() throws Exception {
        Files.writeString(server.resolve("m.gguf"), "tampered with");
        Files.writeString(sums, sum("as published") + "  m.gguf\n");
        Outcome outcome = fetch();
        assertThat(outcome.code()).isEqualTo(1);
        assertThat(outcome.output()).contains("fetch-model: m.gguf: it is not the file that SHA256SUMS describes");
        assertThat(models.resolve("m.gguf")).doesNotExist();
        assertThat(models.resolve("m.gguf.part")).doesNotExist();
        assertThat(models.resolve("SHA256SUMS")).doesNotExist();
    }

    @Test
    void aFileThatTheServerDoesNotHaveIsNamed() throws Exception {
        Files.writeString(sums, sum("as published") + "  m.gguf\n");
        Outcome outcome = fetch();
        assertThat(outcome.code()).isEqualTo(1);
        assertThat(outcome.output()).contains("/m.gguf: it did not come");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../m.gguf", "/etc/m.gguf", "a/m.gguf", ".lock", "-o"})
    void aNameThatLeavesTheDirectoryIsRefused(String name) throws Exception {
        Files.writeString(sums, sum("x") + "  " + name + "\n");
        Outcome outcome = fetch();
        assertThat(outcome.code()).isEqualTo(1);
        assertThat(outcome.output()).contains("is no name of a file");
    }

    @Test
    void aListThatIsNoneIsRefused() throws Exception {
        Files.writeString(sums, "m.gguf\n");
        assertThat(fetch().output()).contains("is no SHA-256 checksum");
        Files.writeString(sums, "");
        assertThat(fetch().output()).contains("names no file");
    }
}
