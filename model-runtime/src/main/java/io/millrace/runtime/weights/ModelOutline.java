package io.millrace.runtime.weights;

import java.nio.file.Path;
import java.util.List;

/**
 * How large the parts of a model are, without its weights: enough to decide where they go. Sizes are those of the file, and of
 * norms those of F32.
 *
 * @param name what the model is called
 * @param embeddingBytes of the embedding
 * @param layerBytes of each layer's tensors, first to last
 * @param outputBytes of the output norm and the output matrix, also when that is the embedding itself
 */
public record ModelOutline(String name, LlamaConfig config, long embeddingBytes, List<Long> layerBytes,
        long outputBytes) {
    public ModelOutline {
        if (layerBytes.size() != config.layers()) {
            throw new IllegalArgumentException(name + ": sizes of " + layerBytes.size() + " layers for a model of "
                    + config.layers());
        }
        layerBytes = List.copyOf(layerBytes);
    }

    /**
     * Reads the headers of a model's files, and checks them.
     *
     * @param model a GGUF file, the first part of a split one, or a Hugging Face directory
     * @throws ModelFormatException when it cannot be used, in one line that names the file and the field
     */
    public static ModelOutline read(Path model) {
        try (MappedModel mapped = MappedModel.open(model)) {
            return mapped.outline();
        }
    }

    /** Bytes of the weights that a shard reads for every token: its layers, and the output matrix where it has it. */
    public long bytesPerToken(LayerRange range) {
        long bytes = range.classifies(config) ? outputBytes : 0;
        for (int layer = range.first(); layer < range.end(); layer++) {
            bytes += layerBytes.get(layer);
        }
        return bytes;
    }

    /** Bytes of the weights that a shard maps; a matrix that is both embedding and output counts twice where it is both. */
    public long bytes(LayerRange range) {
        return bytesPerToken(range) + (range.embeds() ? embeddingBytes : 0);
    }
}
