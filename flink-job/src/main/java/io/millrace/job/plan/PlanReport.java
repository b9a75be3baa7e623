package io.millrace.job.plan;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.millrace.job.plan.Plan.Deployment;
import io.millrace.job.plan.Plan.Remedy;
import io.millrace.job.plan.Plan.Shortage;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.weights.LayerRange;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What {@code millrace plan} tells; the names are those of its JSON. Bytes are bytes.
 *
 * @param fits whether there is memory for all that was asked
 * @param pipelines side by side: the job's parallelism; when nothing fits, how many of the closest attempt there would be
 * @param shards of each, first to last
 * @param idle task managers without a shard
 * @param why this was chosen, or what does not fit, for people
 * @param remedies when it does not fit: a change each
 * @param prediction when it fits
 * @param settings of the job and the cluster when it fits
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record PlanReport(
        @JsonProperty("model") Model model,
        @JsonProperty("asked") Asked asked,
        @JsonProperty("fits") boolean fits,
        @JsonProperty("pipelines") int pipelines,
        @JsonProperty("sessions_per_pipeline") int sessionsPerPipeline,
        @JsonProperty("idle") int idle,
        @JsonProperty("shards") List<Shard> shards,
        @JsonProperty("why") String why,
        @JsonProperty("remedies") List<Change> remedies,
        @JsonProperty("limits") @Nullable HardwareLimits limits,
        @JsonProperty("prediction") @Nullable Prediction prediction,
        @JsonProperty("settings") @Nullable Map<String, String> settings) {

    /**
     * The model.
     *
     * @param fileBytes of all tensors
     */
    public record Model(@JsonProperty("name") String name, @JsonProperty("quantization") String quantization,
            @JsonProperty("layers") int layers, @JsonProperty("file_bytes") long fileBytes,
            @JsonProperty("kv_bytes_per_token") long kvBytesPerToken) {}

    /** What was asked. */
    public record Asked(@JsonProperty("task_managers") int taskManagers, @JsonProperty("memory_bytes") long memoryBytes,
            @JsonProperty("context") int context, @JsonProperty("sessions") int sessions,
            @JsonProperty("batch") int batch, @JsonProperty("kv_type") String kvType,
            @JsonProperty("activation_type") String activationType) {}

    /** A shard and its memory, see {@link ShardLoad}. */
    public record Shard(@JsonProperty("layers") String layers, @JsonProperty("file_bytes") long fileBytes,
            @JsonProperty("packed_bytes") long packedBytes, @JsonProperty("plain_bytes") long plainBytes,
            @JsonProperty("kv_bytes") long kvBytes, @JsonProperty("process_bytes") long processBytes,
            @JsonProperty("bytes") long bytes, @JsonProperty("free_bytes") long freeBytes) {}

    /** One option of the command with the value that makes the plan fit. */
    public record Change(@JsonProperty("option") String option, @JsonProperty("value") String value) {
        static Change of(Remedy remedy) {
            return switch (remedy) {
                case Remedy.MoreTaskManagers(int count) -> new Change("--task-managers", Integer.toString(count));
                case Remedy.MoreMemory(long bytes) -> new Change("--memory", (bytes >> 30) + "g");
                case Remedy.ShorterContext(int tokens) -> new Change("--context", Integer.toString(tokens));
                case Remedy.FewerSessions(int sessions) -> new Change("--sessions", Integer.toString(sessions));
            };
        }

        @Override
        public String toString() {
            return option + " " + value;
        }
    }

    /**
     * A plan that fits, with its prediction.
     *
     * @param microBatches in flight in each pipeline; 0 for as many as are fastest
     */
    public static PlanReport of(ModelShape model, TaskManagers taskManagers, Demand demand, Sharding sharding,
            Deployment plan, HardwareLimits limits, int microBatches) {
        Prediction prediction = Predictor.predict(model, plan, demand, limits, microBatches);
        return new PlanReport(model(model, demand), asked(taskManagers, demand), true, plan.pipelines(),
                plan.sessions(),
                plan.idle(), shards(plan.pipeline(), taskManagers),
                Explanation.of(model, taskManagers, demand, sharding, plan), List.of(), limits,
                prediction,
                Settings.of(plan, demand, prediction.microBatches()));
    }

    /** Why nothing fits. */
    public static PlanReport of(ModelShape model, TaskManagers taskManagers, Demand demand, Shortage plan) {
        return new PlanReport(model(model, demand), asked(taskManagers, demand), false, plan.pipelines(),
                plan.sessions(), 0, shards(plan.closest(), taskManagers),
                Explanation.of(taskManagers, demand, plan), plan.remedies().stream().map(Change::of).toList(), null,
                null, null);
    }

    private static Model model(ModelShape model, Demand demand) {
        Footprint footprint = new Footprint(model, demand.kvType());
        ShardLoad whole = footprint.of(LayerRange.all(model.config()), 1);
        return new Model(model.name(), model.quantization(), model.config().layers(), whole.fileBytes(),
                whole.kvBytes() / KvLayout.BLOCK_POSITIONS);
    }

    private static Asked asked(TaskManagers taskManagers, Demand demand) {
        return new Asked(taskManagers.count(), taskManagers.memoryBytes(), demand.context(), demand.sessions(),
                demand.batch(), lower(demand.kvType()), lower(demand.activationType()));
    }

    private static List<Shard> shards(Pipeline pipeline, TaskManagers taskManagers) {
        return pipeline.loads().stream()
                .map(load -> new Shard(load.layers().toString(), load.fileBytes(), load.packedBytes(),
                        load.plainBytes(),
                        load.kvBytes(), load.processBytes(), load.bytes(), taskManagers.memoryBytes() - load.bytes()))
                .toList();
    }

    static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    /** Task managers that have a shard, from 1: pipeline after pipeline. */
    IntStream taskManagers() {
        return IntStream.rangeClosed(1, Math.max(1, pipelines) * shards.size());
    }
}
