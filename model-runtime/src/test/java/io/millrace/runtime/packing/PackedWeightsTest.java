package io.millrace.runtime.packing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.ModelFormatException;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class PackedWeightsTest {
    private Path directory;

    @BeforeEach
    void use(@TempDir Path temporary) {
        directory = temporary;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void theFirstOpeningPacksAndLaterOnesMap(int threads) throws IOException {
        PackedSample sample = PackedSample.in(directory).withThreads(threads);

        assertThat(sample.packsAnew()).isTrue();
        assertThat(sample.packsAnew()).isFalse();
        sample.assertNothingElseInTheCache();
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void everyMatrixIsPackedInMemoryAsInTheCache(TensorType type) throws IOException {
        PackedSample sample = PackedSample.in(directory, PackedSample.untied(type));

        try (PackedWeights packed = PackedWeights.open(sample.weights, PackingOptions.inMemory(2))) {
            PackedSample.assertEqualToPacking(sample.weights, packed);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"odd-q8_0.gguf", "odd-q4_0.gguf", "mini-q4_0_mix.gguf", "mini-q4_k_m.gguf",
            "mini-q5_k_m.gguf",
            "mini-q6_k.gguf"})
    void recordedModelsOfEveryTypeAreEqualInTheCache(String name) {
        Path model = Path.of(System.getProperty("millrace.shared", "absent"), "golden", name);
        assumeTrue(Files.exists(model), "no recorded model at " + model);
        PackedSample sample = new PackedSample(model, directory.resolve("cache"));

        assertThat(sample.packsAnew()).isTrue();
        assertThat(sample.packsAnew()).isFalse();
    }

    @Test
    void aTiedOutputMatrixIsPackedAndTheEmbeddingOfAnotherModelIsNot() throws IOException {
        PackedSample tied = PackedSample.in(directory, PackedSample.OPTIONS.withTied(true));
        try (PackedWeights packed = tied.open()) {
            assertThat(packed.of(tied.weights.output())).isPresent();
        }
        PackedSample untied = PackedSample.in(directory, PackedSample.untied(TensorType.Q8_0));
        try (PackedWeights packed = untied.open()) {
            assertThat(packed.of(untied.weights.embedding())).isEmpty();
        }
    }

    @Test
    void aRangeOfLayersIsPackedAlone() throws IOException {
        PackedSample whole = PackedSample.in(directory, PackedSample.OPTIONS.withTied(true));
        PackedSample first = whole.withLayers(0, 1);
        PackedSample last = whole.withLayers(1, 2);
        try (PackedWeights packed = whole.open(); PackedWeights of0 = first.open(); PackedWeights of1 = last.open()) {
            PackedSample.assertEqualToPacking(first.weights, of0);
            PackedSample.assertEqualToPacking(last.weights, of1);
            assertThat(of0.bytes() + of1.bytes()).isEqualTo(packed.bytes());
            assertThat(of0.of(first.weights.embedding())).as("the output of the last shard").isEmpty();
            assertThat(of1.of(last.weights.output())).isPresent();
        }
    }

    @Test
    void floatMatricesStayAsTheyAreAndLeaveTheCacheAlone() throws IOException {
        PackedSample sample = PackedSample.in(directory, PackedSample.untied(TensorType.F16));

        try (PackedWeights packed = PackedWeights.open(sample.weights, sample.options())) {
            assertThat(packed.bytes()).isZero();
            assertThat(packed.of(sample.weights.output())).isEmpty();
        }
        assertThat(sample.cache).doesNotExist();
    }

    @Test
    void aSmallModelIsPackedInMemory() throws IOException {
        PackedSample sample = PackedSample.in(directory);

        try (PackedWeights packed = PackedWeights.open(sample.weights, sample.options())) {
            PackedSample.assertEqualToPacking(sample.weights, packed);
        }
        PackedWeights.prepare(sample.weights, sample.options());
        assertThat(sample.cache).doesNotExist();
    }

    @Test
    void mappedAndAllocatedMatricesAreOfOneClassOfMemory() throws IOException {
        PackedSample sample = PackedSample.in(directory);
        Tensor matrix = sample.weights.layers().getFirst().query();

        try (PackedWeights mapped = sample.open();
                PackedWeights allocated = PackedWeights.open(sample.weights, PackingOptions.inMemory(1))) {
            assertThat(mapped.of(matrix).orElseThrow().data())
                    .hasSameClassAs(allocated.of(matrix).orElseThrow().data());
        }
    }

    @Test
    void progressRisesFromNothingToAll() throws IOException {
        PackedSample sample = PackedSample.in(directory).withThreads(3);

        try (PackedWeights packed = sample.open()) {
            assertThat(sample.progress).isSorted().startsWith(0L).endsWith(packed.bytes()).hasSizeGreaterThan(2);
        }
    }

    @Test
    void packedWeightsOutliveTheWeightsAndEndWhenClosed() throws IOException {
        PackedSample sample = PackedSample.in(directory);
        Tensor matrix = sample.weights.output();
        PackedWeights packed = sample.open();
        sample.weights.close();
        PackedMatrix open = packed.of(matrix).orElseThrow();
        byte first = open.data().get(ValueLayout.JAVA_BYTE, 0);

        assertThat(open.data().get(ValueLayout.JAVA_BYTE, 0)).isEqualTo(first);
        packed.close();
        assertThatThrownBy(() -> open.data().get(ValueLayout.JAVA_BYTE, 0))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void whereTheCacheCannotBeWrittenWeightsArePackedInMemory() throws IOException {
        PackedSample sample = PackedSample.in(directory);
        Path notADirectory = Files.createFile(directory.resolve("file"));
        PackingOptions options = new PackingOptions(Optional.of(notADirectory.resolve("cache")), 1, sample);

        try (PackedWeights packed = PackedWeights.open(sample.weights, options, 0)) {
            PackedSample.assertEqualToPacking(sample.weights, packed);
        }
        assertThat(notADirectory).isEmptyFile();
    }

    @Test
    void aFileThatIsGoneWhenItIsToBePackedIsNamed() throws IOException {
        PackedSample sample = PackedSample.in(directory);
        Files.delete(sample.model);

        assertThatThrownBy(sample::open).isInstanceOf(ModelFormatException.class)
                .hasMessageContaining(sample.model.toString());
    }

    @Test
    void aFileThatIsAnotherWhenItIsToBePackedIsRefused() throws IOException {
        PackedSample sample = PackedSample.in(directory);
        LlamaWeights opened = sample.weights;
        Files.delete(sample.model);
        PackedSample.in(directory, PackedSample.OPTIONS.withSeed(2));

        assertThatThrownBy(() -> PackedWeights.open(opened, PackingOptions.inMemory(1)))
                .isInstanceOf(ModelFormatException.class)
                .hasMessage(sample.model
                        + ": file: was changed while it was being packed; start again when it is complete");
    }

    @Test
    void aScaleThatIsNoNumberIsToldWithTheFileAndTheTensor() throws IOException {
        Path model = PackedSample.in(directory, PackedSample.untied(TensorType.Q8_0)).model;
        byte[] file = Files.readAllBytes(model);
        // The last block of the output matrix, which is the file's last tensor: a scale of 2 bytes, then 32 quants.
        file[file.length - 34] = 0;
        file[file.length - 33] = 0x7e;
        Files.write(model, file);
        PackedSample sample = new PackedSample(model, directory.resolve("cache"));

        assertThatThrownBy(sample::open).isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(sample.model + ": weights: output.weight: row ")
                .hasMessageContaining("the scale NaN is not a finite number");
        assertThat(sample.files(".tmp")).isEmpty();
        assertThat(sample.files(".packed")).isEmpty();
    }

    @Test
    void anInterruptedThreadStopsPackingAndStaysInterrupted() throws IOException {
        PackedSample sample = PackedSample.in(directory);
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(sample::open).isInstanceOf(IllegalStateException.class)
                    .hasCauseInstanceOf(InterruptedException.class);
            assertThat(Thread.currentThread().isInterrupted()).isTrue();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(sample.packsAnew()).isTrue();
    }
}
