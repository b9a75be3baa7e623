package io.millrace.job.plan;

import io.millrace.job.plan.Plan.Deployment;
import io.millrace.job.plan.Plan.Remedy;
import io.millrace.job.plan.Plan.Shortage;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LayerSplit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongPredicate;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Shares a model out among task managers. One pass over the weights serves all sessions of a pipeline, and each edge of a
 * pipeline costs time, so it takes the fewest shards that fit, and as many pipelines side by side as there are task managers
 * for.
 */
public final class Planner {
    private static final long GIB = 1L << 30;

    private final ModelShape model;
    private final TaskManagers taskManagers;
    private final Demand demand;
    private final Sharding sharding;
    private final Footprint footprint;

    private Planner(ModelShape model, TaskManagers taskManagers, Demand demand, Sharding sharding) {
        this.model = model;
        this.taskManagers = taskManagers;
        this.demand = demand;
        this.sharding = sharding;
        this.footprint = new Footprint(model, demand.kvType());
    }

    /**
     * Plans.
     *
     * @throws IllegalArgumentException when {@code sharding} is none of the model's layers
     */
    public static Plan plan(ModelShape model, TaskManagers taskManagers, Demand demand, Sharding sharding) {
        return new Planner(model, taskManagers, demand, sharding).plan();
    }

    private Plan plan() {
        int[] candidates = candidates();
        for (int shards : candidates) {
            if (pipelines(shards) > 0 && fits(shards, blocks(shards, demand), taskManagers.memoryBytes())) {
                return deployment(shards);
            }
        }
        int closest = candidates[0];
        long least = Long.MAX_VALUE;
        for (int shards : candidates) {
            long needed = leastMemory(shards, blocks(shards, demand));
            if (needed < least) {
                least = needed;
                closest = shards;
            }
        }
        return new Shortage(pipeline(closest, blocks(closest, demand)), pipelines(closest), sessions(closest, demand),
                remedies());
    }

    private Deployment deployment(int shards) {
        int pipelines = pipelines(shards);
        return new Deployment(pipeline(shards, blocks(shards, demand)), pipelines,
                taskManagers.count() - pipelines * shards, sessions(shards, demand),
                Math.min(ceil(demand.batch(), pipelines), ProcessMemory.maxRows()));
    }

    /** Numbers of shards to choose from, with these task managers. */
    private int[] candidates() {
        return switch (sharding) {
            case Sharding.Fewest() -> shardsUpTo(taskManagers.count());
            case Sharding.Into(int shards) -> {
                LayerSplit.balanced(model.outline(), shards); // which checks the number
                yield new int[]{shards};
            }
            case Sharding.Exactly(LayerSplit split) -> new int[]{split.check(model.config()).shards()};
        };
    }

    private int[] shardsUpTo(int most) {
        return IntStream.rangeClosed(1, Math.min(most, model.config().layers())).toArray();
    }

    /** Pipelines of so many shards that there are task managers for. */
    private int pipelines(int shards) {
        return taskManagers.count() / shards;
    }

    /** Sessions of each pipeline. */
    private int sessions(int shards, Demand asked) {
        return ceil(asked.sessions(), Math.max(1, pipelines(shards)));
    }

    private long blocks(int shards, Demand asked) {
        return sessions(shards, asked) * asked.blocksPerSession();
    }

    // ---------------------------------------------------------------------------------------------------- memory

    /** Whether a cut into {@code shards} has room. */
    private boolean fits(int shards, long blocks, long memory) {
        return switch (sharding) {
            case Sharding.Fewest() -> shardsNeeded(blocks, memory) <= shards;
            case Sharding.Into(_) -> shardsNeeded(blocks, memory) <= shards;
            case Sharding.Exactly(LayerSplit split) -> pipeline(split, false, blocks).fits(memory);
        };
    }

    /** The fewest shards that have room, however cut; {@link Integer#MAX_VALUE} when a single layer has none. */
    private int shardsNeeded(long blocks, long memory) {
        List<LayerRange> ranges = fill(blocks, memory);
        return ranges.isEmpty() ? Integer.MAX_VALUE : ranges.size();
    }

    /** Gives each shard in turn as many layers as it has room for; nothing when a single layer has none. */
    private List<LayerRange> fill(long blocks, long memory) {
        List<LayerRange> ranges = new ArrayList<>();
        int layers = model.config().layers();
        for (int first = 0; first < layers;) {
            int end = first;
            while (end < layers && footprint.of(new LayerRange(first, end + 1), blocks).bytes() <= memory) {
                end++;
            }
            if (end == first) {
                return List.of();
            }
            ranges.add(new LayerRange(first, end));
            first = end;
        }
        return ranges;
    }

    /** Memory of a task manager that is just enough for {@code shards}. */
    private long leastMemory(int shards, long blocks) {
        long enough = footprint.of(LayerRange.all(model.config()), blocks).bytes();
        return smallest(1, enough, memory -> fits(shards, blocks, memory));
    }

    /** The pipeline of {@code shards} that decodes fastest where it fits, else the one that takes least memory. */
    private Pipeline pipeline(int shards, long blocks) {
        if (sharding instanceof Sharding.Exactly(LayerSplit split)) {
            return pipeline(split, split.equals(LayerSplit.balanced(model.outline(), shards)), blocks);
        }
        Pipeline balanced = pipeline(LayerSplit.balanced(model.outline(), shards), true, blocks);
        if (balanced.fits(taskManagers.memoryBytes())) {
            return balanced;
        }
        List<LayerRange> ranges = fill(blocks, leastMemory(shards, blocks));
        while (ranges.size() < shards) {
            halveLongest(ranges);
        }
        return pipeline(new LayerSplit(ranges), false, blocks);
    }

    private static void halveLongest(List<LayerRange> ranges) {
        int longest = 0;
        for (int i = 1; i < ranges.size(); i++) {
            longest = ranges.get(i).layers() > ranges.get(longest).layers() ? i : longest;
        }
        LayerRange range = ranges.get(longest);
        int middle = range.first() + range.layers() / 2;
        ranges.set(longest, new LayerRange(range.first(), middle));
        ranges.add(longest + 1, new LayerRange(middle, range.end()));
    }

    private Pipeline pipeline(LayerSplit split, boolean balanced, long blocks) {
        return new Pipeline(split, balanced, blocks,
                split.ranges().stream().map(range -> footprint.of(range, blocks)).toList());
    }

    // -------------------------------------------------------------------------------------------------- remedies

    private List<Remedy> remedies() {
        List<Remedy> remedies = new ArrayList<>();
        moreTaskManagers().ifPresent(remedies::add);
        moreMemory().ifPresent(remedies::add);
        shorterContext().ifPresent(remedies::add);
        fewerSessions().ifPresent(remedies::add);
        return remedies;
    }

    private Optional<Remedy> moreTaskManagers() {
        long fewest = Long.MAX_VALUE;
        int[] shards = switch (sharding) {
            case Sharding.Fewest() -> shardsUpTo(Integer.MAX_VALUE);
            case Sharding.Into(_) -> candidates();
            case Sharding.Exactly(_) -> candidates();
        };
        for (int each : shards) {
            if (each < fewest) {
                long most = largest(demand.sessions(),
                        sessions -> fits(each, sessions * demand.blocksPerSession(), taskManagers.memoryBytes()));
                if (most > 0) {
                    fewest = Math.min(fewest, (long) each * ceil(demand.sessions(), (int) most));
                }
            }
        }
        return fewest > Integer.MAX_VALUE ? Optional.empty() : Optional.of(new Remedy.MoreTaskManagers((int) fewest));
    }

    private Optional<Remedy> moreMemory() {
        LongStream least = IntStream.of(candidates()).filter(shards -> pipelines(shards) > 0)
                .mapToLong(shards -> leastMemory(shards, blocks(shards, demand)));
        return least.min().stream().mapToObj(bytes -> (Remedy) new Remedy.MoreMemory((bytes + GIB - 1) / GIB * GIB))
                .findFirst();
    }

    private Optional<Remedy> shorterContext() {
        long blocks = 0;
        for (int shards : candidates()) {
            if (pipelines(shards) > 0) {
                blocks = Math.max(blocks, largest(demand.blocksPerSession(),
                        each -> fits(shards, sessions(shards, demand) * each, taskManagers.memoryBytes())));
            }
        }
        return blocks == 0
                ? Optional.empty()
                : Optional.of(new Remedy.ShorterContext((int) blocks * KvLayout.BLOCK_POSITIONS));
    }

    private Optional<Remedy> fewerSessions() {
        long sessions = 0;
        for (int shards : candidates()) {
            long each = largest(demand.sessions(),
                    most -> fits(shards, most * demand.blocksPerSession(), taskManagers.memoryBytes()));
            sessions = Math.max(sessions, each * pipelines(shards));
        }
        return sessions == 0 ? Optional.empty() : Optional.of(new Remedy.FewerSessions((int) sessions));
    }

    // --------------------------------------------------------------------------------------------------- numbers

    /** The largest number from 1 to {@code most} that holds, when smaller ones do too; 0 when none does. */
    private static long largest(long most, LongPredicate holds) {
        return smallest(1, most + 1, number -> number > most || !holds.test(number)) - 1;
    }

    /** The smallest number that holds, when larger ones do too; {@code most} is known to. */
    private static long smallest(long least, long most, LongPredicate holds) {
        long low = least;
        long high = most;
        while (low < high) {
            long middle = (low + high) >>> 1;
            if (holds.test(middle)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    private static int ceil(int value, int divisor) {
        return (value + divisor - 1) / divisor;
    }
}
