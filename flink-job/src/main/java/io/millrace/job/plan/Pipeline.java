package io.millrace.job.plan;

import io.millrace.runtime.weights.LayerSplit;
import java.util.Comparator;
import java.util.List;

/**
 * A model once, cut in shards.
 *
 * @param balanced whether it is what {@code millrace.shards} makes of the number of shards alone
 * @param blocks of the KV cache; each shard has its layers' part of every one
 * @param loads of its shards, first to last
 */
public record Pipeline(LayerSplit split, boolean balanced, long blocks, List<ShardLoad> loads) {
    public Pipeline {
        loads = List.copyOf(loads);
    }

    /** The shard that takes most memory. */
    public ShardLoad largest() {
        return loads.stream().max(Comparator.comparingLong(ShardLoad::bytes)).orElseThrow();
    }

    boolean fits(long memoryBytes) {
        return largest().bytes() <= memoryBytes;
    }
}
