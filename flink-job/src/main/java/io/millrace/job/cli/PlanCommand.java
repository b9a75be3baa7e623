package io.millrace.job.cli;

import io.millrace.job.plan.Demand;
import io.millrace.job.plan.Geometry;
import io.millrace.job.plan.ModelShape;
import io.millrace.job.plan.Plan;
import io.millrace.job.plan.PlanReport;
import io.millrace.job.plan.PlanText;
import io.millrace.job.plan.Planner;
import io.millrace.job.plan.Quantization;
import io.millrace.job.plan.Sharding;
import io.millrace.job.plan.TaskManagers;
import io.millrace.operator.shard.ActivationType;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.weights.LayerSplit;
import io.millrace.runtime.weights.LlamaWeights;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.apache.flink.configuration.MemorySize;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace plan}: which layers of a model go to which task manager, and how fast that will be. */
@Command(name = "plan", mixinStandardHelpOptions = true, description = {
        "Plan where a model's layers go: the memory of each task manager, network traffic, predicted tokens per second, "
                + "and the settings to use; or why it does not fit, and what would.",
        "Needs no model: 8b, 70b and 405b are known. Speed is predicted from the limits of this machine, which it measures "
                + "for a few seconds, or from those given. Exits with 1 when the plan does not fit."}, footer = {"",
                        "Examples:", "  millrace plan --model 70b --task-managers 4 --memory 64g",
                        "  millrace plan --model 405b --task-managers 16 --memory 64g --cores 32 --bandwidth 200 --gflops 3000",
                        "  millrace plan --model model.gguf --task-managers 2 --memory 8g --shards 0-15,16-31 --json"})
final class PlanCommand implements Callable<Integer> {
    private static final int DEFAULT_CONTEXT = 8192;
    private static final int DEFAULT_SESSIONS = 16;
    private static final int MOST_DECODING = 64;

    @Spec
    private CommandSpec spec;

    @Option(names = {"-m",
            "--model"}, required = true, paramLabel = "MODEL", description = "A GGUF file, the first file of a split GGUF, a Hugging Face directory, or a geometry: 1b, 3b, 8b, 70b or 405b.")
    private String model;

    @Option(names = "--quant", paramLabel = "TYPE", description = "How the matrices of a geometry are stored: ${COMPLETION-CANDIDATES}. Default: Q4_0.")
    private @Nullable Quantization quantization;

    @Option(names = "--task-managers", required = true, paramLabel = "N", description = "Task managers, one per machine.")
    private int taskManagers;

    @Option(names = "--memory", required = true, paramLabel = "SIZE", description = "Memory of each, for weights, KV cache and the process: 64g.")
    private String memory;

    @Option(names = "--context", paramLabel = "N", description = "Tokens that a session may have. Default: 8192, or the model's context where that is less.")
    private @Nullable Integer context;

    @Option(names = "--sessions", paramLabel = "N", description = "Sessions whose KV cache stays in memory, in the whole job. Default: 16, or as many as decode.")
    private @Nullable Integer sessions;

    @Option(names = "--batch", paramLabel = "N", description = "Sessions that decode at the same time, in the whole job. Default: all, at most 64.")
    private @Nullable Integer batch;

    @Option(names = "--kv-type", paramLabel = "TYPE", defaultValue = "f16", description = "How the KV cache stores values: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private KvType kvType;

    @Option(names = "--activation-type", paramLabel = "TYPE", defaultValue = "f32", description = "How the residual stream travels between shards: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private ActivationType activationType;

    @Option(names = "--shards", paramLabel = "N|RANGES", description = "Shards of a pipeline, or their layers, as in millrace.shards: 0-15,16-31. Default: the fewest that fit.")
    private @Nullable String shards;

    @Option(names = "--micro-batches", paramLabel = "N", description = "Micro-batches in flight in each pipeline while it decodes. Default: as many as are predicted to be fastest.")
    private @Nullable Integer microBatches;

    @Mixin
    private HardwareOptions hardware;

    @Option(names = "--json", description = "Write one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        Numbers.requirePositive("--task-managers", taskManagers);
        TaskManagers fleet = new TaskManagers(taskManagers, memory());
        Sharding sharding = sharding();
        if (microBatches != null) {
            Numbers.requirePositive("--micro-batches", microBatches);
        }
        hardware.check();
        ModelShape shape = shape();
        Demand demand = demand(shape);
        Plan plan = plan(shape, fleet, demand, sharding);
        PlanReport report = switch (plan) {
            case Plan.Shortage shortage -> PlanReport.of(shape, fleet, demand, shortage);
            case Plan.Deployment deployment -> PlanReport.of(shape, fleet, demand, sharding, deployment,
                    hardware.limits(spec.commandLine().getErr()), microBatches == null ? 0 : microBatches);
        };
        spec.commandLine().getOut().println(json ? Json.line(report) : PlanText.of(report));
        return report.fits() ? 0 : 1;
    }

    private static Plan plan(ModelShape shape, TaskManagers fleet, Demand demand, Sharding sharding) {
        try {
            return Planner.plan(shape, fleet, demand, sharding);
        } catch (IllegalArgumentException e) {
            throw new InvalidInput("--shards: " + e.getMessage(), e);
        }
    }

    private long memory() {
        long bytes;
        try {
            bytes = MemorySize.parse(memory).getBytes();
        } catch (IllegalArgumentException e) {
            throw new InvalidInput("--memory: '" + memory + "' is no size of memory; write 64g", e);
        }
        if (bytes < 1) {
            throw new InvalidInput("--memory: " + memory + " is not 1 byte or more; write 64g");
        }
        return bytes;
    }

    private Sharding sharding() {
        if (shards == null) {
            return new Sharding.Fewest();
        }
        try {
            // One number is a count of shards, as in millrace.shards, not a layer.
            return shards.strip().matches("\\d{1,9}")
                    ? new Sharding.Into(Integer.parseInt(shards.strip()))
                    : new Sharding.Exactly(LayerSplit.parse(shards));
        } catch (IllegalArgumentException e) {
            throw new InvalidInput("--shards: " + e.getMessage(), e);
        }
    }

    private ModelShape shape() {
        Geometry geometry = Geometry.named(model).orElse(null);
        if (geometry != null) {
            return ModelShape.of(geometry, quantization == null ? Quantization.Q4_0 : quantization);
        }
        Path path = Path.of(model);
        if (!Files.exists(path)) {
            throw new InvalidInput("--model: " + model + " is no file or directory, and no geometry: "
                    + Geometry.names());
        }
        if (quantization != null) {
            throw new InvalidInput("--quant: " + model + " has the types it has; leave it out, or plan one of "
                    + Geometry.names());
        }
        try (LlamaWeights weights = LlamaWeights.open(path)) {
            return ModelShape.of(weights);
        }
    }

    private Demand demand(ModelShape shape) {
        int most = shape.config().contextLength();
        int tokens = context == null ? Math.min(DEFAULT_CONTEXT, most) : context;
        Numbers.requirePositive("--context", tokens);
        if (tokens > most) {
            throw new InvalidInput("--context: " + tokens + " is more than the model's " + most);
        }
        int decoding = batch == null ? 0 : batch;
        int kept = sessions == null ? Math.max(DEFAULT_SESSIONS, decoding) : sessions;
        Numbers.requirePositive("--sessions", kept);
        if (batch == null) {
            decoding = Math.min(kept, MOST_DECODING);
        }
        Numbers.requirePositive("--batch", decoding);
        if (decoding > kept) {
            throw new InvalidInput("--batch: " + decoding + " is more than the " + kept + " of --sessions");
        }
        return new Demand(tokens, kept, decoding, kvType, activationType);
    }
}
