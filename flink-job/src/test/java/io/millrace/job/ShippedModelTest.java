package io.millrace.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShippedModelTest {
    private static final byte[] MODEL = "a model".getBytes(StandardCharsets.UTF_8);

    @Test
    void itIsCopiedToADirectoryThatIsMadeForItAndNothingElseIsLeftThere(@TempDir Path temporary) throws IOException {
        Path directory = temporary.resolve("cache").resolve("millrace");

        Path file = ShippedModel.extract(MODEL, directory);

        assertThat(file).hasParent(directory).hasBinaryContent(MODEL);
        try (Stream<Path> files = Files.list(directory)) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    void aCopyThatIsThereIsLeftAlone(@TempDir Path temporary) throws IOException {
        Path file = ShippedModel.extract(MODEL, temporary);
        FileTime longAgo = FileTime.fromMillis(1_000_000);
        Files.setLastModifiedTime(file, longAgo);

        assertThat(ShippedModel.extract(MODEL, temporary)).isEqualTo(file);
        assertThat(Files.getLastModifiedTime(file)).isEqualTo(longAgo);
    }

    @Test
    void aDamagedCopyIsMadeAnew(@TempDir Path temporary) throws IOException {
        Path file = ShippedModel.extract(MODEL, temporary);
        Files.writeString(file, "A model");

        assertThat(ShippedModel.extract(MODEL, temporary)).isEqualTo(file).hasBinaryContent(MODEL);
    }

    @Test
    void anotherModelHasAnotherFile(@TempDir Path temporary) throws IOException {
        byte[] other = "another model".getBytes(StandardCharsets.UTF_8);

        Path first = ShippedModel.extract(MODEL, temporary);
        Path second = ShippedModel.extract(other, temporary);

        assertThat(first).isNotEqualTo(second).hasBinaryContent(MODEL);
        assertThat(second).hasBinaryContent(other);
    }
}
