package io.millrace.runtime.weights;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a Llama 3.x text decoder, or of the shard that computes a range of its layers, mapped from files and checked:
 * every tensor of the model is in the files and has the shape that {@link #config()} says. Only the tensors of the range are
 * mapped. Immutable, any thread may read. Whoever opened them closes them, when nobody reads any more.
 */
public final class LlamaWeights implements AutoCloseable {
    private final Arena arena;
    private final Path path;
    private final List<Path> files;
    private final long mappedBytes;
    private final String name;
    private final LlamaConfig config;
    private final LayerRange range;
    private final LlamaTensors tensors;
    private final float[] ropeDivisors;
    private final RotaryLayout rotaryLayout;
    private final List<String> warnings;
    private final String fingerprint;

    /**
     * @param arena what {@code mapped} belongs to, and from now on to the weights
     * @param tensors of the range
     */
    LlamaWeights(Arena arena, MappedModel model, LayerRange range, LlamaTensors tensors, MappedTensors mapped) {
        this.arena = arena;
        this.path = model.path();
        this.files = List.copyOf(mapped.files());
        this.mappedBytes = mapped.bytes();
        this.name = model.name();
        this.config = model.config();
        this.range = range;
        this.tensors = tensors;
        this.ropeDivisors = model.ropeDivisors();
        this.rotaryLayout = model.rotaryLayout();
        this.warnings = List.copyOf(model.warnings());
        this.fingerprint = Fingerprint.of(model);
    }

    /**
     * Maps and checks a model. Its files must not change while the weights are open.
     *
     * @param model a GGUF file, the first part of a split one, or a Hugging Face directory
     * @throws ModelFormatException when it cannot be used, in one line that names the file and the field
     */
    public static LlamaWeights open(Path model) {
        return open(model, outline -> LayerRange.all(outline.config()));
    }

    /**
     * Checks a model and maps what a shard needs. Its files must not change while the weights are open.
     *
     * @param model a GGUF file, the first part of a split one, or a Hugging Face directory
     * @param range chooses the shard's layers
     * @throws ModelFormatException when the model cannot be used, in one line that names the file and the field
     * @throws IllegalArgumentException when the model has no such layers
     */
    public static LlamaWeights open(Path model, Function<ModelOutline, LayerRange> range) {
        try (MappedModel mapped = MappedModel.open(model)) {
            return mapped.weights(range, FileCursor::map);
        }
    }

    /** What it was opened by. */
    public Path path() {
        return path;
    }

    /** The files that tensors of the range are mapped from. */
    public List<Path> files() {
        return files;
    }

    public LlamaConfig config() {
        return config;
    }

    /** The layers that are here. */
    public LayerRange range() {
        return range;
    }

    /**
     * {@code [vocabSize, hidden]}.
     *
     * @throws IllegalStateException when the first layer is not here
     */
    public Tensor embedding() {
        return here(tensors.embedding(), "embedding", 0);
    }

    /** The decoder blocks of the range, first to last. */
    public List<LayerWeights> layers() {
        return tensors.layers();
    }

    /**
     * {@code [1, hidden]} F32.
     *
     * @throws IllegalStateException when the last layer is not here
     */
    public Tensor outputNorm() {
        return here(tensors.outputNorm(), "output norm", config.layers() - 1);
    }

    /**
     * {@code [vocabSize, hidden]}; the same object as {@link #embedding()} when the two are tied and both are here.
     *
     * @throws IllegalStateException when the last layer is not here
     */
    public Tensor output() {
        return here(tensors.output(), "output matrix", config.layers() - 1);
    }

    private Tensor here(@Nullable Tensor tensor, String what, int layer) {
        if (tensor == null) {
            throw new IllegalStateException("only layers " + range + " of " + name + " are here; its " + what
                    + " is where layer " + layer + " is");
        }
        return tensor;
    }

    /** Every tensor of the range once, in the order of the computation. */
    public List<Tensor> tensors() {
        return tensors.all();
    }

    /** What the decoder multiplies with, in the order of the computation. Of the embedding it only takes rows. */
    public List<Tensor> matrices() {
        List<Tensor> matrices = new ArrayList<>();
        layers().forEach(layer -> matrices.addAll(layer.matrices()));
        if (range.classifies(config)) {
            matrices.add(output());
        }
        return matrices;
    }

    /** By what to divide each of the {@code headDim / 2} rotary frequencies; all 1 when the model has no scaling. A copy. */
    public float[] ropeDivisors() {
        return ropeDivisors.clone();
    }

    /** How the rows of the query and key matrices are ordered. */
    public RotaryLayout rotaryLayout() {
        return rotaryLayout;
    }

    /**
     * A stable hex id of the model's content: SHA-256 over geometry, tensor table, rotary divisors and the first and last
     * 64 KiB of every tensor. Two files differ in it unless they differ only in the middle of large tensors; how a model is
     * split in files does not change it, nor which layers are here.
     */
    public String fingerprint() {
        return fingerprint;
    }

    /** What the model is called: by its own metadata, or else by its path. */
    public String name() {
        return name;
    }

    /** What a user should know about this file; usually nothing. */
    public List<String> warnings() {
        return warnings;
    }

    /** Bytes of this process's memory that the files take. */
    public long mappedBytes() {
        return mappedBytes;
    }

    /** Bytes of all tensors of the range. */
    public long bytes() {
        return tensors.all().stream().mapToLong(tensor -> tensor.data().byteSize()).sum();
    }

    /** Unmaps the files; no tensor may be used any more. */
    @Override
    public void close() {
        arena.close();
    }
}
