package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millrace;
import static io.millrace.job.cli.CommandRun.millraceReading;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model that is large enough to be worth a cache, and the verbs that use it. */
class WeightsCacheTest {
    private static Path model;
    private Path cache;

    @BeforeAll
    static void writeModel(@TempDir Path temporary) throws IOException {
        model = temporary.resolve("model.gguf");
        SampleModel.write(model, SampleModel.Options.defaults().withGeometry(1, 1024, 20480, 8, 2, 128));
    }

    @BeforeEach
    void useDirectory(@TempDir Path temporary) {
        cache = temporary.resolve("cache");
    }

    private CommandRun generate(Object directory) {
        return millrace("generate", "--model", model, "--prompt", "Once", "--max-tokens", 4, "--seed", 1,
                "--weights-cache-dir", directory).succeeds();
    }

    private List<Path> packed() throws IOException {
        try (Stream<Path> files = Files.list(cache)) {
            return files.filter(file -> file.toString().endsWith(".packed")).toList();
        }
    }

    @Test
    void theFirstVerbFillsTheCacheAndOthersUseIt() throws IOException {
        String text = generate(cache).out();
        assertThat(packed()).hasSize(1);
        FileTime written = Files.getLastModifiedTime(packed().getFirst());

        assertThat(generate(cache).out()).isEqualTo(text);
        millraceReading("[1,2,3]", "logprobs", "--model", model, "--weights-cache-dir", cache).succeeds();
        assertThat(packed()).singleElement()
                .satisfies(file -> assertThat(Files.getLastModifiedTime(file)).isEqualTo(written));
        assertThat(generate("none").out()).isEqualTo(text);
    }

    @Test
    void aVerbThatOnlyReadsAboutAModelDoesNotKnowTheCache() {
        millrace("inspect", "--model", model, "--weights-cache-dir", cache).isMisuse("--weights-cache-dir");
        millrace("inspect", "--model", model).succeeds();
        assertThat(cache).doesNotExist();
    }

    @Test
    void anEmptyDirectoryNameIsRefused() {
        millrace("generate", "--model", model, "--prompt", "Once", "--weights-cache-dir", "")
                .isRefused("millrace.weights.cache-dir: is blank; set it to a directory or to none");
    }
}
