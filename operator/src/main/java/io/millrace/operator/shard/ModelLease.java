package io.millrace.operator.shard;

import io.millrace.operator.OperatorSettings;
import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.KernelWarmUp;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.model.ModelShard;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.ModelOutline;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Function;
import org.apache.flink.runtime.memory.SharedResources;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Loads a shard's weights, once per task manager for all slots that compute it. */
public final class ModelLease {
    private static final Logger LOG = LoggerFactory.getLogger(ModelLease.class);

    /** Spent while the task is still deploying, so that the first prompt does not wait for the compiler. */
    private static final Duration WARM_UP = Duration.ofMillis(1500);

    private ModelLease() {}

    /** The weights of a stage. */
    static TaskManagerLease<ModelShard> acquire(SharedResources resources, ShardLayout layout, int shard)
            throws Exception {
        OperatorSettings settings = layout.settings();
        return TaskManagerLease.acquire(resources, name("stage", layout, shard), () -> {
            ModelShard model = ModelShard.open(Path.of(settings.model()), _ -> layout.range(shard), packing(settings));
            return warm(model, model);
        });
    }

    /** The first shard: its weights and the tokenizer. */
    public static TaskManagerLease<LlamaModel> acquireFirst(SharedResources resources, ShardLayout layout)
            throws Exception {
        return TaskManagerLease.acquire(resources, name("head", layout, 0),
                () -> open(layout.settings(), _ -> layout.range(0)));
    }

    /** Loads the first layers of a model and its tokenizer, for this process alone; the caller closes it. */
    public static LlamaModel open(OperatorSettings settings, Function<ModelOutline, LayerRange> range) {
        LlamaModel model = LlamaModel.open(Path.of(settings.model()), range, packing(settings));
        return warm(model, model.shard());
    }

    private static <T> T warm(T model, ModelShard shard) {
        try {
            shard.weights().warnings()
                    .forEach(warning -> LOG.warn("{}: {}", shard.weights().path(), warning));
            LOG.info("Loaded layers {} of {}: {} MiB mapped", shard.weights().range(), shard.weights().name(),
                    (shard.weights().mappedBytes() + shard.packed().bytes()) >> 20);
            KernelWarmUp.run(KernelProvider.kernels(), shard.weights(), shard.packed(), WARM_UP);
            return model;
        } catch (RuntimeException | Error e) {
            shard.close();
            throw e;
        }
    }

    private static PackingOptions packing(OperatorSettings settings) {
        return new PackingOptions(PackingOptions.cacheDirectory(settings.weightsCacheDir()),
                settings.computeThreads(), new LoadingLog(Path.of(settings.model())));
    }

    private static String name(String role, ShardLayout layout, int shard) {
        return String.join("|", "model", role, layout.settings().model(), layout.range(shard).toString(),
                String.valueOf(layout.settings().weightsCacheDir()));
    }
}
