package io.millrace.runtime.packing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.ModelFormatException;
import io.millrace.runtime.weights.SplitGguf;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that have checksums beside them are compared with them, once where that can be noted. */
class SourceCheckTest {
    private static final String NONE = "0".repeat(64);

    private Path directory;
    private PackedSample sample;

    @BeforeEach
    void write(@TempDir Path temporary) throws IOException {
        directory = temporary;
        sample = PackedSample.in(directory);
    }

    private static String sum(Path file) throws IOException {
        return HexFormat.of().formatHex(SourceFiles.sha256().digest(Files.readAllBytes(file)));
    }

    private void sums(String text) throws IOException {
        Files.writeString(directory.resolve("SHA256SUMS"), text);
    }

    private void touch() throws IOException {
        Files.setLastModifiedTime(sample.model, FileTime.from(Instant.now().plus(1, ChronoUnit.MINUTES)));
    }

    /** Whether the model's file was read for it. */
    private boolean reads() {
        sample.packsAnew();
        return !sample.checked.isEmpty();
    }

    @Test
    void withoutChecksumsNothingIsChecked() {
        assertThat(reads()).isFalse();
    }

    @Test
    void anIntactFileIsReadOnce() throws IOException {
        sums(sum(sample.model) + "  model.gguf\n");

        assertThat(reads()).isTrue();
        assertThat(sample.checked).startsWith(0L).endsWith(Files.size(sample.model)).isSorted();
        assertThat(reads()).isFalse();
    }

    @Test
    void aFileThatWasWrittenToIsReadAgain() throws IOException {
        sums(sum(sample.model) + "  model.gguf\n");
        assertThat(reads()).isTrue();

        touch();
        assertThat(reads()).isTrue();
        assertThat(reads()).isFalse();
    }

    @Test
    void anotherChecksumCountsAtOnce() throws IOException {
        sums(sum(sample.model) + "  model.gguf\n");
        assertThat(reads()).isTrue();

        sums(NONE + "  model.gguf\n");
        assertThatThrownBy(sample::open).isInstanceOf(ModelFormatException.class);
    }

    @Test
    void withoutACacheItIsReadEveryTime() throws IOException {
        sums(sum(sample.model) + "  model.gguf\n");
        PackingOptions options = new PackingOptions(Optional.empty(), 1, sample);
        for (int i = 0; i < 2; i++) {
            sample.checked.clear();
            PackedWeights.open(sample.weights, options).close();
            assertThat(sample.checked).endsWith(Files.size(sample.model));
        }
    }

    @Test
    void whatIsReadInAMomentIsNotNoted() throws IOException {
        sums(sum(sample.model) + "  model.gguf\n");

        PackedWeights.open(sample.weights, sample.options()).close();
        assertThat(sample.cache).doesNotExist();
    }

    @Test
    void aDamagedFileIsRefusedAndNothingIsPackedFromIt() throws IOException {
        String expected = sum(sample.model);
        sums(expected + "  model.gguf\n");
        byte[] bytes = Files.readAllBytes(sample.model);
        bytes[bytes.length - 100] ^= 1;
        Files.write(sample.model, bytes);

        assertThatThrownBy(sample::open).isInstanceOf(ModelFormatException.class)
                .hasMessage(sample.model + ": SHA-256: is " + sum(sample.model) + ", but SHA256SUMS beside it says "
                        + expected + "; the file is damaged or another one, fetch it again or correct SHA256SUMS");
        assertThat(sample.progress).isEmpty();
        assertThat(sample.cache).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"%s  model.gguf", "%s *model.gguf\r\n", "%s  ./model.gguf\n",
            "%2$s  other file.gguf\n\n%1$s  model.gguf\n%1$s  model.gguf\n", "\\%2$s  a\\nb\n%1$s  model.gguf\n"})
    void readsWhatSha256sumWrites(String text) throws IOException {
        sums(text.formatted(sum(sample.model), NONE));

        assertThat(reads()).isTrue();
    }

    @Test
    void lettersOfAChecksumMayBeLarge() throws IOException {
        sums(HexFormat.of().withUpperCase().formatHex(HexFormat.of().parseHex(sum(sample.model))) + "  model.gguf");

        assertThat(reads()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"%s  model-2.gguf\n", "%s  sub/model.gguf\n", ""})
    void aFileThatIsNotInTheListIsNotChecked(String text) throws IOException {
        sums(text.formatted(NONE));

        assertThat(reads()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.gguf", "%s", "%s model.gguf", "%sa  model.gguf", "SHA256 (model.gguf) = %s"})
    void refusesOtherLinesByTheirNumber(String line) throws IOException {
        sums(NONE + "  other.gguf\n" + line.formatted(NONE) + "\n");

        assertThatThrownBy(sample::open).isInstanceOf(ModelFormatException.class)
                .hasMessage(directory.resolve("SHA256SUMS")
                        + ": line 2: is not a SHA-256 and the name of a file, as sha256sum writes them");
    }

    @Test
    void refusesTwoChecksumsOfAFile() throws IOException {
        sums(sum(sample.model) + "  model.gguf\n" + NONE + "  model.gguf\n");

        assertThatThrownBy(sample::open).isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("line 2: another line has another checksum of model.gguf");
    }

    @Test
    void refusesWhatIsNoText() throws IOException {
        Files.write(directory.resolve("SHA256SUMS"), new byte[]{(byte) 0xff, (byte) 0xfe, 0});
        assertThatThrownBy(sample::open).isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("SHA256SUMS: file: cannot be read");

        Files.write(directory.resolve("SHA256SUMS"), new byte[(1 << 20) + 1]);
        assertThatThrownBy(sample::open).isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("is larger than 1048576 bytes");
    }

    @Test
    void aShardChecksOnlyTheFilesThatItMapsFrom() throws IOException {
        Path first = SplitGguf.write(directory, 3);
        Path last = SplitGguf.part(directory, 2, 3);
        sums("%s  %s%n%s  %s%n%s  %s%n".formatted(sum(first), first.getFileName(), sum(SplitGguf.part(directory, 1, 3)),
                SplitGguf.part(directory, 1, 3).getFileName(), NONE, last.getFileName()));

        try (LlamaWeights shard = LlamaWeights.open(first, _ -> new LayerRange(0, 1));
                PackedWeights packed = PackedWeights.open(shard, new PackingOptions(Optional.empty(), 2, sample))) {
            assertThat(shard.files()).doesNotContain(last);
            assertThat(sample.checked).endsWith(Files.size(first) + Files.size(SplitGguf.part(directory, 1, 3)));
            assertThat(packed.bytes()).isZero();
        }
        try (LlamaWeights shard = LlamaWeights.open(first, _ -> new LayerRange(1, 2))) {
            assertThatThrownBy(() -> PackedWeights.open(shard, PackingOptions.inMemory(2)))
                    .isInstanceOf(ModelFormatException.class).hasMessageStartingWith(last + ": SHA-256: is ");
        }
    }
}
