package io.millrace.operator.session;

import io.millrace.operator.OperatorSettings;
import io.millrace.operator.shard.ModelLease;
import io.millrace.operator.shard.ShardLayout;
import io.millrace.operator.shard.TaskManagerLease;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.shard.Downstream;
import org.apache.flink.runtime.memory.SharedResources;

/**
 * A subtask's engine. One of a whole model is shared by the subtasks of a task manager, so that one pass over the weights serves
 * all of them. With shards each subtask has its own, since the stages behind it are its own too; then the weights are shared.
 * Released in the task thread, after the sessions have left the engine.
 */
final class EngineLease {
    private final SharedEngine engine;
    private final Release release;

    @FunctionalInterface
    private interface Release {
        void run() throws Exception;
    }

    private EngineLease(SharedEngine engine, Release release) {
        this.engine = engine;
        this.release = release;
    }

    /** A share in the task manager's engine of a whole model. The first lease loads the model, the last one closes it. */
    static EngineLease acquire(SharedResources resources, OperatorSettings settings) throws Exception {
        String name = String.join("|", "engine", settings.model(), Integer.toString(settings.maxNumSeqs()),
                Integer.toString(settings.maxNumBatchedTokens()), Long.toString(settings.kvBytes()),
                settings.kvType().name(), Integer.toString(settings.threads()),
                Boolean.toString(settings.prefixCache()), Integer.toString(settings.numSpeculativeTokens()),
                Integer.toString(settings.promptLookupNgram()));
        TaskManagerLease<SharedEngine> lease = TaskManagerLease.acquire(resources, name,
                () -> SharedEngine.open(settings));
        return new EngineLease(lease.resource(), lease::release);
    }

    /** An engine of the first shard, with a share in its weights. */
    static EngineLease acquire(SharedResources resources, ShardLayout layout, Downstream shards) throws Exception {
        TaskManagerLease<LlamaModel> model = ModelLease.acquireFirst(resources, layout);
        try {
            SharedEngine engine = SharedEngine.of(model.resource(), layout, shards);
            return new EngineLease(engine, () -> {
                engine.close();
                model.release();
            });
        } catch (RuntimeException | Error e) {
            model.release();
            throw e;
        }
    }

    SharedEngine engine() {
        return engine;
    }

    /** Gives the share back, once. */
    void release() throws Exception {
        release.run();
    }
}
