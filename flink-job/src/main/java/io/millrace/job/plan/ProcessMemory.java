package io.millrace.job.plan;

import io.millrace.runtime.engine.EngineOptions;
import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LlamaConfig;

/**
 * What a task manager takes beside weights and KV cache: the JVM and Flink, as measured for a task manager that decodes the
 * 1b geometry (325 MB, 37 of it activations and logits), and the buffers of activations and logits, which grow with the model.
 */
final class ProcessMemory {
    /** Heap of Flink and the job, classes, compiled code, thread stacks, RocksDB, network buffers. */
    private static final long JVM_BYTES = 290_000_000;

    private ProcessMemory() {}

    /** Bytes of the process of a shard. */
    static long bytes(LlamaConfig config, LayerRange range) {
        // The residual stream and its norm, a micro-batch that came, and one that leaves.
        long perRow = 4L * config.hidden() + 2L * config.queryWidth() + 2L * config.kvWidth() + config.ffn();
        long logits = range.classifies(config) ? (long) maxSequences() * Kernels.padded(config.vocabSize()) : 0;
        return JVM_BYTES + Float.BYTES * (maxRows() * perRow + logits);
    }

    /** Rows of the largest pass. */
    static int maxRows() {
        return EngineOptions.defaults().maxNumBatchedTokens();
    }

    private static int maxSequences() {
        return EngineOptions.defaults().maxNumSeqs();
    }
}
