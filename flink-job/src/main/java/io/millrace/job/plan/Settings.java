package io.millrace.job.plan;

import io.millrace.job.plan.Plan.Deployment;
import io.millrace.operator.MillraceOptions;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.TaskManagerOptions;

/** The settings of the job and of the cluster that carry a plan out, by their keys. */
final class Settings {
    private static final long MIB = 1L << 20;
    /** Of task off-heap memory beside the KV cache, for Flink's own checks: buffers of files, of the network, of RocksDB. */
    private static final long OTHER_OFF_HEAP_MIB = 256;

    private Settings() {}

    static Map<String, String> of(Deployment plan, Demand demand, int microBatches) {
        // One value for all shards, and each takes its share of the blocks: the shard with most layers says how much.
        long kvMebibytes = mebibytes(
                plan.pipeline().loads().stream().mapToLong(ShardLoad::kvBytes).max().orElseThrow());
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put(CoreOptions.DEFAULT_PARALLELISM.key(), Integer.toString(plan.pipelines()));
        settings.put(TaskManagerOptions.NUM_TASK_SLOTS.key(), "1");
        settings.put(TaskManagerOptions.TASK_OFF_HEAP_MEMORY.key(), kvMebibytes + OTHER_OFF_HEAP_MIB + "m");
        settings.put(MillraceOptions.SHARDS.key(),
                plan.pipeline().balanced() ? Integer.toString(plan.shards()) : plan.pipeline().split().toString());
        if (plan.shards() > 1) {
            settings.put(MillraceOptions.MICRO_BATCHES.key(), Integer.toString(microBatches));
            settings.put(MillraceOptions.ACTIVATION_TYPE.key(), PlanReport.lower(demand.activationType()));
        }
        settings.put(MillraceOptions.KV_MEMORY.key(), kvMebibytes + "m");
        settings.put(MillraceOptions.KV_TYPE.key(), PlanReport.lower(demand.kvType()));
        settings.put(MillraceOptions.MAX_NUM_SEQS.key(), Integer.toString(plan.batch()));
        return settings;
    }

    private static long mebibytes(long bytes) {
        return (bytes + MIB - 1) / MIB;
    }
}
