package io.millrace.operator.shard;

import io.millrace.runtime.weights.LayerSplit;
import io.millrace.runtime.weights.ModelOutline;
import java.io.Serializable;

/**
 * How many shards the model has.
 *
 * @param count 1 when it is whole
 * @param ranges their layers as {@link LayerSplit#parse} reads them; empty to balance them
 */
public record Shards(int count, String ranges) implements Serializable {
    /**
     * Reads a number of shards, or their ranges of layers.
     *
     * @throws IllegalArgumentException when it is neither
     */
    public static Shards parse(String text) {
        String trimmed = text.trim();
        if (trimmed.matches("\\d{1,5}")) {
            int count = Integer.parseInt(trimmed);
            if (count < 1) {
                throw new IllegalArgumentException("'" + text + "' shards; use 1 or more");
            }
            return new Shards(count, "");
        }
        return new Shards(LayerSplit.parse(trimmed).shards(), trimmed);
    }

    /** The layers of each shard; throws {@link IllegalArgumentException} when they are not the model's. */
    public LayerSplit split(ModelOutline model) {
        return ranges.isEmpty()
                ? LayerSplit.balanced(model, count)
                : LayerSplit.parse(ranges).check(model.config());
    }
}
