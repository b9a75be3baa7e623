package io.millrace.runtime.weights;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * A model while it is being opened: all its files are mapped and all its tensors checked. Which of them stay is chosen
 * next, and closing this unmaps the rest.
 *
 * @param arena what {@code files} are mapped in
 * @param path what the model is opened by
 */
record MappedModel(Arena arena, Path path, List<MappedFile> files, String name, LlamaConfig config,
        LlamaTensors tensors, float[] ropeDivisors, RotaryLayout rotaryLayout,
        List<String> warnings) implements AutoCloseable {

    /** @throws ModelFormatException when anything in the files is not as their format or a Llama wants it */
    static MappedModel open(Path model) {
        return Files.isDirectory(model) ? HuggingFaceModel.open(model) : GgufModel.open(model);
    }

    ModelOutline outline() {
        return new ModelOutline(name, config, bytes(Stream.of(requireNonNull(tensors.embedding()))),
                tensors.layers().stream().map(layer -> bytes(layer.tensors().stream())).toList(),
                bytes(Stream.of(requireNonNull(tensors.outputNorm()), requireNonNull(tensors.output()))));
    }

    /**
     * Maps what a shard needs once more, by itself.
     *
     * @throws IllegalArgumentException when the range is not one of the model
     */
    LlamaWeights weights(Function<ModelOutline, LayerRange> range, FileMapping mapping) {
        LayerRange chosen = range.apply(outline()).check(config);
        LlamaTensors wanted = tensors.of(chosen);
        Arena kept = Arena.ofShared();
        try {
            MappedTensors mapped = MappedTensors.of(files, wanted.all(), mapping, kept);
            LlamaTensors here = wanted.map(tensor -> mapped.tensors().getOrDefault(tensor.name(), tensor));
            return new LlamaWeights(kept, this, chosen, here, mapped);
        } catch (RuntimeException | Error e) {
            kept.close();
            throw e;
        }
    }

    private static long bytes(Stream<Tensor> tensors) {
        return tensors.mapToLong(tensor -> tensor.data().byteSize()).sum();
    }

    @Override
    public void close() {
        arena.close();
    }
}
