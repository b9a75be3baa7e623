package io.millrace.job.plan;

import io.millrace.job.plan.Plan.Deployment;
import io.millrace.job.plan.Plan.Shortage;
import io.millrace.runtime.weights.LayerRange;
import java.util.Locale;

/** Says in a sentence or two why a plan is as it is. */
final class Explanation {
    private Explanation() {}

    static String of(ModelShape model, TaskManagers taskManagers, Demand demand, Sharding sharding, Deployment plan) {
        String choice = switch (sharding) {
            case Sharding.Fewest() -> plan.shards() == 1
                    ? "One task manager has room for the model and " + sessions(plan.sessions(), demand)
                            + ", so it is not cut."
                    : "The whole model with " + sessions(plan.sessions(), demand) + " would take "
                            + gib(whole(model, demand, plan).bytes()) + "; " + plan.shards()
                            + " shards are the fewest that fit.";
            case Sharding.Into(_) -> "Cut into " + shards(plan.shards()) + ", as asked.";
            case Sharding.Exactly(_) -> "Cut into the ranges asked for.";
        };
        String cut = plan.pipeline().balanced() || sharding instanceof Sharding.Exactly
                ? ""
                : " The balanced cut would not fit, so layers are shared out by memory.";
        String use = plan.pipelines() == 1
                ? " One pipeline"
                : " " + plan.pipelines() + " pipelines side by side";
        String idle = switch (plan.idle()) {
            case 0 ->
                " use " + (taskManagers.count() == 1 ? "it" : "all " + taskManagers.count() + " task managers") + ".";
            case 1 -> " use " + plan.pipelines() * plan.shards() + " of " + taskManagers.count()
                    + " task managers; 1 is left over.";
            default -> " use " + plan.pipelines() * plan.shards() + " of " + taskManagers.count() + " task managers; "
                    + plan.idle() + " are left over.";
        };
        return choice + cut + use + (plan.pipelines() == 1 ? idle.replaceFirst("^ use", " uses") : idle);
    }

    static String of(TaskManagers taskManagers, Demand demand, Shortage plan) {
        if (plan.pipelines() == 0) {
            int shards = plan.closest().split().shards();
            return shards(shards) + " need as many task managers, and there are " + taskManagers.count() + ".";
        }
        ShardLoad largest = plan.closest().largest();
        return String.format(Locale.ROOT,
                "Cut into %s, which comes closest, layers %s with %s take %s of %s: %s of weights, %s of KV cache, "
                        + "%s for the process.",
                shards(plan.closest().split().shards()), largest.layers(), sessions(plan.sessions(), demand),
                gib(largest.bytes()), gib(taskManagers.memoryBytes()), gib(largest.weightBytes()),
                gib(largest.kvBytes()), gib(largest.processBytes()));
    }

    private static ShardLoad whole(ModelShape model, Demand demand, Deployment plan) {
        return new Footprint(model, demand.kvType()).of(LayerRange.all(model.config()), plan.pipeline().blocks());
    }

    private static String sessions(int sessions, Demand demand) {
        return String.format(Locale.ROOT, "%,d %s of %,d tokens", sessions, sessions == 1 ? "session" : "sessions",
                demand.context());
    }

    private static String shards(int shards) {
        return shards == 1 ? "1 shard" : shards + " shards";
    }

    static String gib(long bytes) {
        return String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30));
    }
}
