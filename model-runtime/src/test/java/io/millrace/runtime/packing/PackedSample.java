package io.millrace.runtime.packing;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A small model, a cache directory beside it, and what happened when its packed weights were opened. */
final class PackedSample implements LoadingListener {
    static final SampleModel.Options OPTIONS = SampleModel.Options.defaults().withGeometry(2, 64, 160, 4, 2, 16);

    final Path model;
    final Path cache;
    final LlamaWeights weights;
    /** Bytes packed, as they were told since the last opening. */
    final List<Long> progress = new ArrayList<>();
    /** Bytes checked, likewise. */
    final List<Long> checked = new ArrayList<>();
    private int threads = 1;

    PackedSample(Path model, Path cache) {
        this(model, cache, LlamaWeights.open(model));
    }

    private PackedSample(Path model, Path cache, LlamaWeights weights) {
        this.model = model;
        this.cache = cache;
        this.weights = weights;
    }

    /** The same model's layers of a range, with the same cache. */
    PackedSample withLayers(int first, int end) {
        return new PackedSample(model, cache, LlamaWeights.open(model, _ -> new LayerRange(first, end)));
    }

    /** Writes a model into a directory and opens it. */
    static PackedSample in(Path directory) throws IOException {
        return in(directory, OPTIONS);
    }

    static PackedSample in(Path directory, SampleModel.Options options) throws IOException {
        Path model = directory.resolve("model.gguf");
        SampleModel.write(model, options);
        return new PackedSample(model, directory.resolve("cache"));
    }

    PackedSample withThreads(int count) {
        threads = count;
        return this;
    }

    @Override
    public void advanced(Step step, long done, long total) {
        switch (step) {
            case CHECKING -> checked.add(done);
            case PACKING -> progress.add(done);
        }
    }

    PackingOptions options() {
        return new PackingOptions(Optional.of(cache), threads, this);
    }

    /** Opens through the cache, however small the model is. */
    PackedWeights open() {
        progress.clear();
        checked.clear();
        return PackedWeights.open(weights, options(), 0);
    }

    /** Opens, compares every matrix with what {@link Packing#pack} gives, closes; whether it was packed anew. */
    boolean packsAnew() {
        try (PackedWeights packed = open()) {
            assertEqualToPacking(weights, packed);
        }
        return !progress.isEmpty();
    }

    static void assertEqualToPacking(LlamaWeights weights, PackedWeights packed) {
        long bytes = 0;
        Arena arena = Arena.ofAuto();
        for (Tensor tensor : weights.matrices()) {
            if (!PackedLayout.packs(tensor.type())) {
                assertThat(packed.of(tensor)).as(tensor.name()).isEmpty();
                continue;
            }
            PackedMatrix matrix = packed.of(tensor).orElseThrow();
            assertThat(matrix.name()).isEqualTo(tensor.name());
            assertThat(matrix.layout().type()).isEqualTo(tensor.type());
            assertThat(matrix.rows()).isEqualTo(tensor.rows());
            assertThat(matrix.cols()).isEqualTo(tensor.cols());
            assertThat(matrix.data().mismatch(PackedMatrix.pack(tensor, arena).data())).as(tensor.name()).isEqualTo(-1);
            assertThat(matrix.data().address() % 64).isZero();
            assertThat(matrix.data().isReadOnly()).isTrue();
            bytes += matrix.data().byteSize();
        }
        assertThat(packed.bytes()).isEqualTo(bytes);
    }

    /** The one file of packed weights in the cache. */
    Path file() throws IOException {
        return files(".packed").getFirst();
    }

    /** What is in the cache. */
    List<Path> files(String suffix) throws IOException {
        try (Stream<Path> files = Files.list(cache)) {
            return files.filter(file -> file.toString().endsWith(suffix)).toList();
        }
    }

    /** One file of packed weights, and an empty one for the lock. */
    void assertNothingElseInTheCache() throws IOException {
        assertThat(files("")).hasSize(2);
        assertThat(files(".packed")).hasSize(1);
        assertThat(files(".lock")).singleElement().satisfies(lock -> assertThat(lock).isEmptyFile());
    }

    static SampleModel.Options untied(TensorType type) {
        return OPTIONS.withType(type).withTied(false);
    }
}
