package io.millrace.runtime.weights;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The weights of a Llama 3.x text decoder, mapped from files and checked: every tensor is there and has the shape that
 * {@link #config()} says. Immutable, any thread may read. Whoever opened them closes them, when nobody reads any more.
 */
public final class LlamaWeights implements AutoCloseable {
    private final Arena arena;
    private final Path path;
    private final List<Path> files;
    private final String name;
    private final LlamaConfig config;
    private final LlamaTensors tensors;
    private final float[] ropeDivisors;
    private final RotaryLayout rotaryLayout;
    private final List<String> warnings;
    private final String fingerprint;

    /**
     * @param path what the model is opened by
     * @param files that the tensors are mapped from
     */
    LlamaWeights(Arena arena, Path path, List<Path> files, String name, LlamaConfig config, LlamaTensors tensors,
            float[] ropeDivisors,
            RotaryLayout rotaryLayout, List<String> warnings) {
        this.arena = arena;
        this.path = path;
        this.files = List.copyOf(files);
        this.name = name;
        this.config = config;
        this.tensors = tensors;
        this.ropeDivisors = ropeDivisors;
        this.rotaryLayout = rotaryLayout;
        this.warnings = List.copyOf(warnings);
        this.fingerprint = Fingerprint.of(config, rotaryLayout, ropeDivisors, tensors.all());
    }

    /**
     * Maps and checks a model. Its files must not change while the weights are open.
     *
     * @param model a GGUF file, the first part of a split one, or a Hugging Face directory
     * @throws ModelFormatException when it cannot be used, in one line that names the file and the field
     */
    public static LlamaWeights open(Path model) {
        return Files.isDirectory(model) ? HuggingFaceModel.open(model) : GgufModel.open(model);
    }

    /** What it was opened by. */
    public Path path() {
        return path;
    }

    /** The files that the tensors are mapped from. */
    public List<Path> files() {
        return files;
    }

    public LlamaConfig config() {
        return config;
    }

    /** {@code [vocabSize, hidden]}. */
    public Tensor embedding() {
        return tensors.embedding();
    }

    /** The decoder blocks, first to last. */
    public List<LayerWeights> layers() {
        return tensors.layers();
    }

    /** {@code [1, hidden]} F32. */
    public Tensor outputNorm() {
        return tensors.outputNorm();
    }

    /** {@code [vocabSize, hidden]}; the same object as {@link #embedding()} when the two are tied. */
    public Tensor output() {
        return tensors.output();
    }

    /** Every tensor once, in the order of the computation. */
    public List<Tensor> tensors() {
        return tensors.all();
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
     * split in files does not change it.
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

    /** Bytes of all tensors. */
    public long bytes() {
        return tensors.all().stream().mapToLong(tensor -> tensor.data().byteSize()).sum();
    }

    /** Unmaps the files; no tensor may be used any more. */
    @Override
    public void close() {
        arena.close();
    }
}
