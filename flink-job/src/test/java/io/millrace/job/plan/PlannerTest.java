package io.millrace.job.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.job.plan.Plan.Deployment;
import io.millrace.job.plan.Plan.Remedy;
import io.millrace.job.plan.Plan.Shortage;
import io.millrace.operator.shard.ActivationType;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LayerSplit;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class PlannerTest {
    private static final long GIB = 1L << 30;

    /** What is planned. */
    record Case(Geometry geometry, Quantization quantization, TaskManagers taskManagers, Demand demand,
            Sharding sharding) {

        ModelShape model() {
            return ModelShape.of(geometry, quantization);
        }

        Plan plan() {
            return Planner.plan(model(), taskManagers, demand, sharding);
        }

        Case with(TaskManagers other) {
            return new Case(geometry, quantization, other, demand, sharding);
        }

        Case with(Demand other) {
            return new Case(geometry, quantization, taskManagers, other, sharding);
        }

        Case with(Sharding other) {
            return new Case(geometry, quantization, taskManagers, demand, other);
        }

        Case with(Remedy remedy) {
            return switch (remedy) {
                case Remedy.MoreTaskManagers(int count) ->
                    with(new TaskManagers(count, taskManagers.memoryBytes()));
                case Remedy.MoreMemory(long bytes) -> with(new TaskManagers(taskManagers.count(), bytes));
                case Remedy.ShorterContext(int tokens) -> with(demand.withContext(tokens));
                case Remedy.FewerSessions(int sessions) -> with(demand.withSessions(sessions));
            };
        }

        /** The remedy, but a little less of it. */
        Case withLessThan(Remedy remedy) {
            return switch (remedy) {
                case Remedy.MoreTaskManagers(int count) ->
                    with(new TaskManagers(count - 1, taskManagers.memoryBytes()));
                case Remedy.MoreMemory(long bytes) -> with(new TaskManagers(taskManagers.count(), bytes - GIB));
                case Remedy.ShorterContext(int tokens) -> with(demand.withContext(tokens + 16));
                case Remedy.FewerSessions(int sessions) -> with(demand.withSessions(sessions + 1));
            };
        }
    }

    private static Demand demand(int context, int sessions) {
        return new Demand(context, sessions, sessions, KvType.F16, ActivationType.F32);
    }

    private static Case of(Geometry geometry, int taskManagers, long gib) {
        return new Case(geometry, Quantization.Q4_0, new TaskManagers(taskManagers, gib * GIB), demand(8192, 16),
                new Sharding.Fewest());
    }

    @ParameterizedTest
    @CsvSource({"8b, 1, 64, 1, 1, 0", "8b, 4, 64, 4, 1, 0", "8b, 8, 64, 8, 1, 0", "8b, 16, 64, 16, 1, 0",
            "8b, 1, 256, 1, 1, 0", "8b, 16, 256, 16, 1, 0",
            // 16 sessions of 8,192 tokens take 40 GiB beside 37 GiB of weights.
            "70b, 4, 64, 4, 1, 0", "70b, 8, 64, 8, 1, 0", "70b, 16, 64, 16, 1, 0", "70b, 1, 256, 1, 1, 0",
            "70b, 4, 256, 4, 1, 0",
            // 213 GiB of weights and 63 GiB of sessions.
            "405b, 5, 64, 1, 5, 0", "405b, 7, 64, 1, 5, 2",
            // Half of the sessions leave room for a quarter of the layers.
            "405b, 8, 64, 2, 4, 0", "405b, 16, 64, 4, 4, 0", "405b, 4, 256, 4, 1, 0", "405b, 16, 256, 16, 1, 0"})
    void theFewestShardsThatFitLeaveMostPipelines(String model, int taskManagers, long gib, int pipelines, int shards,
            int idle) {
        Plan plan = of(Geometry.named(model).orElseThrow(), taskManagers, gib).plan();

        assertThat(plan).isInstanceOfSatisfying(Deployment.class, deployment -> {
            assertThat(deployment.pipelines()).isEqualTo(pipelines);
            assertThat(deployment.shards()).isEqualTo(shards);
            assertThat(deployment.idle()).isEqualTo(idle);
        });
    }

    @Test
    void whatDoesNotFitIsToldWithWhatWould() {
        assertThat(of(Geometry.LLAMA_70B, 1, 64).plan()).isInstanceOfSatisfying(Shortage.class,
                shortage -> assertThat(shortage.remedies()).containsExactly(new Remedy.MoreTaskManagers(2),
                        new Remedy.MoreMemory(78 * GIB), new Remedy.ShorterContext(5456),
                        new Remedy.FewerSessions(10)));
        // No session is short enough for one task manager.
        assertThat(of(Geometry.LLAMA_405B, 1, 64).plan()).isInstanceOfSatisfying(Shortage.class,
                shortage -> assertThat(shortage.remedies()).containsExactly(new Remedy.MoreTaskManagers(5),
                        new Remedy.MoreMemory(277 * GIB)));
    }

    @Test
    void noNumberOfTaskManagersHelpsWhereALayerHasNoRoom() {
        Case small = new Case(Geometry.LLAMA_405B, Quantization.BF16, new TaskManagers(1000, 2 * GIB), demand(16, 1),
                new Sharding.Fewest());

        assertThat(small.plan()).isInstanceOfSatisfying(Shortage.class,
                shortage -> assertThat(shortage.remedies()).hasSize(1).first()
                        .isInstanceOf(Remedy.MoreMemory.class));
    }

    static Stream<Case> corners() {
        return Stream.of(Geometry.values()).flatMap(geometry -> Stream.of(1, 4, 8, 16)
                .flatMap(count -> Stream.of(64L, 256L).map(gib -> of(geometry, count, gib))));
    }

    /** Of all sizes, also where memory is just enough or just too little. */
    static Stream<Case> random() {
        Random random = new Random(7);
        return IntStream.range(0, 300).mapToObj(_ -> {
            Geometry geometry = any(random, Geometry.values());
            Quantization quantization = any(random, Quantization.values());
            int context = 1 + (int) Math.scalb(random.nextDouble(), random.nextInt(17));
            int sessions = 1 + (int) Math.scalb(random.nextDouble(), random.nextInt(11));
            KvType kvType = any(random, KvType.values());
            Demand demand = new Demand(context, sessions, 1 + random.nextInt(sessions), kvType, ActivationType.F32);
            long whole = new Footprint(ModelShape.of(geometry, quantization), kvType)
                    .of(LayerRange.all(geometry.config()), sessions * demand.blocksPerSession()).bytes();
            int count = 1 + random.nextInt(20);
            long memory = GIB + (long) (whole * random.nextDouble() * 2 / Math.max(1, count / 2));
            Sharding sharding = switch (random.nextInt(3)) {
                case 0 -> new Sharding.Into(1 + random.nextInt(geometry.config().layers()));
                case 1 -> new Sharding.Exactly(halves(geometry.config().layers(), random));
                default -> new Sharding.Fewest();
            };
            return new Case(geometry, quantization, new TaskManagers(count, memory), demand, sharding);
        });
    }

    private static <T> T any(Random random, T[] values) {
        return values[random.nextInt(values.length)];
    }

    private static LayerSplit halves(int layers, Random random) {
        int middle = 1 + random.nextInt(layers - 1);
        return new LayerSplit(
                List.of(new LayerRange(0, middle), new LayerRange(middle, layers)));
    }

    @ParameterizedTest
    @MethodSource({"corners", "random"})
    void everyPlanHoldsOrSaysWhatWould(Case asked) {
        switch (asked.plan()) {
            case Deployment deployment -> holds(asked, deployment);
            case Shortage shortage -> {
                assertThat(shortage.closest().largest().bytes() > asked.taskManagers.memoryBytes()
                        || shortage.pipelines() == 0).as("something is short").isTrue();
                for (Remedy remedy : shortage.remedies()) {
                    Case mended = asked.with(remedy);
                    assertThat(mended.plan()).as("with %s", remedy).isInstanceOfSatisfying(Deployment.class,
                            deployment -> holds(mended, deployment));
                    assertThat(asked.withLessThan(remedy).plan()).as("with less than %s", remedy)
                            .isInstanceOf(Shortage.class);
                }
            }
        }
    }

    private static void holds(Case asked, Deployment plan) {
        TaskManagers taskManagers = asked.taskManagers;
        // A split is all layers once, from 0 on.
        assertThat(plan.pipeline().split().check(asked.geometry.config()).ranges())
                .isEqualTo(plan.pipeline().loads().stream().map(ShardLoad::layers).toList());
        assertThat(plan.pipeline().loads())
                .allMatch(load -> load.bytes() <= taskManagers.memoryBytes(), "fits its task manager");
        assertThat(plan.pipelines() * plan.shards() + plan.idle()).isEqualTo(taskManagers.count());
        assertThat(plan.idle()).isBetween(0, plan.shards() - 1);
        assertThat(plan.pipelines() * plan.sessions()).isGreaterThanOrEqualTo(asked.demand.sessions());
        assertThat(plan.pipeline().blocks() * 16)
                .isGreaterThanOrEqualTo((long) plan.sessions() * asked.demand.context());
        assertThat(plan.batch()).isBetween(1, Math.min(plan.sessions(), 256));
        if (asked.sharding instanceof Sharding.Fewest && plan.shards() > 1) {
            assertThat(asked.with(new Sharding.Into(plan.shards() - 1)).plan()).as("with a shard less")
                    .isInstanceOf(Shortage.class);
        }
    }

    @Test
    void layersAreSharedOutByMemoryWhereTheBalancedCutDoesNotFit() {
        // The embedding is read a row at a time, so it counts for memory only.
        ModelShape model = ModelShape.of(Geometry.LLAMA_8B, Quantization.F32);
        Demand demand = demand(16, 1);
        TaskManagers roomy = new TaskManagers(4, 64 * GIB);
        Deployment balanced = (Deployment) Planner.plan(model, roomy, demand, new Sharding.Into(4));
        long needed = balanced.pipeline().largest().bytes();

        Plan plan = Planner.plan(model, new TaskManagers(4, needed - 1), demand, new Sharding.Into(4));

        assertThat(balanced.pipeline().balanced()).isTrue();
        assertThat(plan).isInstanceOfSatisfying(Deployment.class, tight -> {
            assertThat(tight.pipeline().balanced()).isFalse();
            assertThat(tight.pipeline().largest().bytes()).isLessThan(needed);
            assertThat(tight.shards()).isEqualTo(4);
        });
    }

    @Test
    void shardsThatAreAskedForAreTaken() {
        ModelShape model = ModelShape.of(Geometry.LLAMA_8B, Quantization.Q4_0);
        TaskManagers four = new TaskManagers(4, 64 * GIB);
        LayerSplit split = LayerSplit.parse("0-3,4-31");

        assertThat(Planner.plan(model, four, demand(8192, 16), new Sharding.Exactly(split)))
                .isInstanceOfSatisfying(Deployment.class, plan -> {
                    assertThat(plan.pipeline().split()).isEqualTo(split);
                    assertThat(plan.pipelines()).isEqualTo(2);
                });
        assertThat(Planner.plan(model, four, demand(8192, 16), new Sharding.Into(3)))
                .isInstanceOfSatisfying(Deployment.class, plan -> assertThat(plan.idle()).isEqualTo(1));
        assertThat(Planner.plan(model, four, demand(8192, 16), new Sharding.Into(5)))
                .isInstanceOfSatisfying(Shortage.class,
                        shortage -> assertThat(shortage.remedies()).containsExactly(new Remedy.MoreTaskManagers(5)));
        assertThatThrownBy(() -> Planner.plan(model, four, demand(8192, 16), new Sharding.Into(33)))
                .hasMessage("33 shards of a model with 32 layers; use 1 to 32");
        assertThatThrownBy(() -> Planner.plan(model, four, demand(8192, 16),
                new Sharding.Exactly(LayerSplit.parse("0-3,4-30"))))
                .hasMessageContaining("31 layers, and the model has 32");
    }
}
