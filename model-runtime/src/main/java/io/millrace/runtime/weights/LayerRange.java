package io.millrace.runtime.weights;

/**
 * Consecutive layers of a model, {@code first .. end - 1}, which one shard computes. The shard with the first layer also holds
 * the embedding, the one with the last layer also the output norm and the output matrix.
 */
public record LayerRange(int first, int end) {
    /** @throws IllegalArgumentException when there is no layer in the range */
    public LayerRange {
        if (first < 0 || end <= first) {
            throw new IllegalArgumentException("layers " + first + " to " + (end - 1) + ": no range of layers");
        }
    }

    /** All layers of a model. */
    public static LayerRange all(LlamaConfig config) {
        return new LayerRange(0, config.layers());
    }

    /**
     * This range, when the model has its layers.
     *
     * @throws IllegalArgumentException when the model has fewer
     */
    public LayerRange check(LlamaConfig config) {
        if (end > config.layers()) {
            throw new IllegalArgumentException("layers " + this + ": the model has " + config.layers() + " layers");
        }
        return this;
    }

    /** Layers in the range. */
    public int layers() {
        return end - first;
    }

    /** Whether the shard embeds tokens. */
    public boolean embeds() {
        return first == 0;
    }

    /** Whether the shard computes logits. */
    public boolean classifies(LlamaConfig config) {
        return end == config.layers();
    }

    /** As in {@code millrace.shards}: {@code 0-6}, or {@code 7} for one layer. */
    @Override
    public String toString() {
        return layers() == 1 ? Integer.toString(first) : first + "-" + (end - 1);
    }
}
