package io.millrace.job.plan;

import io.millrace.runtime.weights.LayerRange;

/**
 * What a shard keeps in the memory of its task manager.
 *
 * @param fileBytes of its tensors in the model's files; those that are packed need not stay in memory
 * @param packedBytes of its packed matrices, mapped or in memory
 * @param plainBytes of what is used as it is in the files: the embedding, norms, matrices that are not packed
 * @param kvBytes of its layers' part of the KV cache
 * @param processBytes of the process beside all that, see {@link ProcessMemory}
 */
public record ShardLoad(LayerRange layers, long fileBytes, long packedBytes, long plainBytes, long kvBytes,
        long processBytes) {

    /** Bytes of weights that stay in memory. */
    public long weightBytes() {
        return packedBytes + plainBytes;
    }

    public long bytes() {
        return weightBytes() + kvBytes + processBytes;
    }
}
