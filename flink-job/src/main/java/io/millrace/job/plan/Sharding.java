package io.millrace.job.plan;

import io.millrace.runtime.weights.LayerSplit;

/** What may be chosen of how a model is cut. */
public sealed interface Sharding {

    /** As few shards as the memory holds. */
    record Fewest() implements Sharding {}

    /** So many, cut as the memory wants it. */
    record Into(int shards) implements Sharding {
        public Into {
            if (shards < 1) {
                throw new IllegalArgumentException(shards + " shards");
            }
        }
    }

    /** Exactly these. */
    record Exactly(LayerSplit split) implements Sharding {}
}
