package io.millrace.runtime.weights;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * How a model's layers are shared out: range after range, every layer in one of them. The same for every process that computes
 * it from the same model.
 */
public record LayerSplit(List<LayerRange> ranges) {
    private static final Pattern RANGE = Pattern.compile("\\s*(\\d{1,5})(?:\\s*-\\s*(\\d{1,5}))?\\s*");

    /** @throws IllegalArgumentException when the ranges do not follow each other from layer 0 on */
    public LayerSplit {
        ranges = List.copyOf(ranges);
        int next = 0;
        for (LayerRange range : ranges) {
            if (range.first() != next) {
                throw new IllegalArgumentException("layers " + range + ": expected a range that begins with layer "
                        + next);
            }
            next = range.end();
        }
        if (ranges.isEmpty()) {
            throw new IllegalArgumentException("no range of layers");
        }
    }

    /**
     * The split whose slowest shard has least to read for a token, which is what decides how fast a pipeline is; among those,
     * the one that gives the first shards most.
     *
     * @throws IllegalArgumentException when there are more shards than layers
     */
    public static LayerSplit balanced(ModelOutline model, int shards) {
        int layers = model.config().layers();
        if (shards < 1 || shards > layers) {
            throw new IllegalArgumentException(
                    shards + " shards of a model with " + layers + " layers; use 1 to " + layers);
        }
        // largest[s][i]: of the best split of the layers from i on into s shards, what its slowest one reads.
        long[][] largest = new long[shards + 1][layers + 1];
        for (int first = 0; first < layers; first++) {
            largest[1][first] = model.bytesPerToken(new LayerRange(first, layers));
        }
        for (int s = 2; s <= shards; s++) {
            for (int first = 0; first <= layers - s; first++) {
                largest[s][first] = Long.MAX_VALUE;
                for (int end = first + 1; end <= layers - s + 1; end++) {
                    largest[s][first] = Math.min(largest[s][first], slowest(model, first, end, largest[s - 1]));
                }
            }
        }
        List<LayerRange> ranges = new ArrayList<>();
        int first = 0;
        for (int s = shards; s > 1; s--) {
            int end = layers - s + 1;
            while (slowest(model, first, end, largest[s - 1]) > largest[shards][0]) {
                end--;
            }
            ranges.add(new LayerRange(first, end));
            first = end;
        }
        ranges.add(new LayerRange(first, layers));
        return new LayerSplit(ranges);
    }

    private static long slowest(ModelOutline model, int first, int end, long[] rest) {
        return Math.max(model.bytesPerToken(new LayerRange(first, end)), rest[end]);
    }

    /**
     * Reads ranges as {@link #toString} writes them: {@code 0-6,7-13,14-15}.
     *
     * @throws IllegalArgumentException when they are no ranges, or leave a layer out
     */
    public static LayerSplit parse(String text) {
        List<LayerRange> ranges = new ArrayList<>();
        for (String each : text.split(",", -1)) {
            Matcher matcher = RANGE.matcher(each);
            if (!matcher.matches()) {
                throw new IllegalArgumentException("'" + each + "' is no range of layers; write 0-15,16-31");
            }
            int first = Integer.parseInt(matcher.group(1));
            ranges.add(new LayerRange(first,
                    1 + (matcher.group(2) == null ? first : Integer.parseInt(matcher.group(2)))));
        }
        return new LayerSplit(ranges);
    }

    /**
     * This split, when it is one of a model of this geometry.
     *
     * @throws IllegalArgumentException when the model has more or fewer layers
     */
    public LayerSplit check(LlamaConfig config) {
        int layers = ranges.getLast().end();
        if (layers != config.layers()) {
            throw new IllegalArgumentException(
                    "layers " + this + ": they are " + layers + " layers, and the model has " + config.layers());
        }
        return this;
    }

    /** Number of shards. */
    public int shards() {
        return ranges.size();
    }

    @Override
    public String toString() {
        return ranges.stream().map(LayerRange::toString).collect(Collectors.joining(","));
    }
}
