package io.millrace.job.plan;

import io.millrace.job.plan.Plan.Deployment;
import io.millrace.job.plan.Prediction.Bottleneck;
import io.millrace.job.plan.Prediction.Resource;
import io.millrace.job.plan.Prediction.Stage;
import io.millrace.operator.shard.WireFormat;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LlamaConfig;
import java.util.ArrayList;
import java.util.List;

/**
 * Predicts a deployment's speed: a roofline (Williams, Waterman and Patterson 2009) whose two sides are added, since kernels
 * that unpack weights overlap reading and computing little, with {@link KernelCost} for what the kernels make of the second
 * side.
 */
public final class Predictor {
    private static final int PROMPT = 512;

    private final ModelShape model;
    private final Deployment deployment;
    private final Demand demand;
    private final HardwareLimits limits;
    private final List<LayerRange> shards;

    private Predictor(ModelShape model, Deployment deployment, Demand demand, HardwareLimits limits) {
        this.model = model;
        this.deployment = deployment;
        this.demand = demand;
        this.limits = limits;
        this.shards = deployment.pipeline().split().ranges();
    }

    /**
     * Predicts.
     *
     * @param microBatches in flight in each pipeline; 0 for as many as are fastest
     */
    public static Prediction predict(ModelShape model, Deployment deployment, Demand demand, HardwareLimits limits,
            int microBatches) {
        return new Predictor(model, deployment, demand, limits).predict(microBatches);
    }

    /** Seconds of a shard's pass. */
    private record Pass(double reading, double computing) {
        double seconds() {
            return reading + computing;
        }

        Resource boundBy() {
            return reading > computing ? Resource.MEMORY : Resource.ARITHMETIC;
        }
    }

    /**
     * A round, in which every decoding sequence gets a token.
     *
     * @param passes a shard's pass of each, over its micro-batch
     * @param seconds that the round takes
     */
    private record Round(int microBatches, List<Pass> passes, double seconds, Bottleneck bottleneck) {}

    private Prediction predict(int microBatches) {
        Round round = microBatches == 0 ? fastestRound() : round(Math.min(microBatches, deployment.batch()));
        double perSecond = deployment.pipelines() * deployment.batch() / round.seconds();

        int prompt = Math.min(PROMPT, demand.context());
        Prefill prefill = prefill(prompt);
        List<Stage> stages = new ArrayList<>();
        for (int i = 0; i < shards.size(); i++) {
            Pass pass = round.passes().get(i);
            stages.add(new Stage(shards.get(i).toString(), 1e3 * pass.seconds(), pass.boundBy(),
                    1e3 * prefill.firstChunk().get(i)));
        }
        double bytesPerToken = WireFormat.bytesPerToken(model.config().hidden(), demand.activationType(), shards.size(),
                rows(round.microBatches()));
        return new Prediction(round.microBatches(), rows(round.microBatches()), demand.context() / 2, stages, perSecond,
                1 / round.seconds(), prefill.tokensPerSecond(), prompt, 1e3 * prefill.firstToken(), bytesPerToken,
                bytesPerToken * perSecond, round.bottleneck());
    }

    private Round fastestRound() {
        Round fastest = round(1);
        for (int microBatches = 2; microBatches <= Math.min(shards.size(), deployment.batch()); microBatches++) {
            Round round = round(microBatches);
            fastest = round.seconds() < fastest.seconds() ? round : fastest;
        }
        return fastest;
    }

    /** Rows of a micro-batch, on average. */
    private double rows(int microBatches) {
        return (double) deployment.batch() / microBatches;
    }

    private Round round(int microBatches) {
        double rows = rows(microBatches);
        double seen = rows * (demand.context() / 2 + 1);
        List<Pass> passes = shards.stream().map(shard -> pass(shard, rows, rows, seen, seen)).toList();

        double sum = passes.stream().mapToDouble(Pass::seconds).sum();
        double slowest = passes.stream().mapToDouble(Pass::seconds).max().orElseThrow();
        double oneTransfer = transmission(rows, rows);
        double roundTrip = sum + (shards.size() - 1) * (oneTransfer + latency()) + wayBack(rows);
        double busiest = microBatches * (limits.shared() ? deployment.pipelines() * sum : slowest);
        double network = microBatches * oneTransfer;
        double seconds = Math.max(roundTrip, Math.max(busiest, network));
        return new Round(microBatches, passes, seconds, bottleneck(seconds, busiest, network));
    }

    private Bottleneck bottleneck(double round, double busiest, double network) {
        if (round <= busiest) {
            boolean others = limits.shared() && deployment.pipelines() * shards.size() > 1;
            return others ? Bottleneck.SHARED_MACHINE : Bottleneck.SLOWEST_SHARD;
        }
        return round <= network ? Bottleneck.NETWORK : Bottleneck.ROUND_TRIP;
    }

    private record Prefill(List<Double> firstChunk, double tokensPerSecond, double firstToken) {}

    /** Chunk after chunk through the shards; a shard begins with one when it is done with the one before. */
    private Prefill prefill(int prompt) {
        int most = ProcessMemory.maxRows();
        double[] free = new double[shards.size()];
        List<Double> firstChunk = new ArrayList<>();
        double busy = 0;
        double arrived = 0;
        for (int from = 0; from < prompt; from += most) {
            int rows = Math.min(most, prompt - from);
            boolean last = from + rows == prompt;
            double seen = rows * (from + (rows + 1) / 2.0);
            double slowest = transmission(1, rows);
            double sum = 0;
            arrived = 0;
            for (int i = 0; i < shards.size(); i++) {
                double seconds = pass(shards.get(i), rows, last ? 1 : 0, seen, from + rows).seconds();
                if (from == 0) {
                    firstChunk.add(seconds);
                }
                slowest = Math.max(slowest, seconds);
                sum += seconds;
                if (i > 0) {
                    arrived += transmission(1, rows) + latency();
                }
                arrived = Math.max(arrived, limits.shared() ? free[shards.size() - 1] : free[i]) + seconds;
                free[i] = arrived;
            }
            busy += limits.shared() ? deployment.pipelines() * sum : slowest;
        }
        return new Prefill(firstChunk, deployment.pipelines() * prompt / busy, arrived + wayBack(1));
    }

    /**
     * A pass of a shard.
     *
     * @param logitRows of the rows, those that need logits
     * @param seen positions that the rows look at, one after another
     * @param read positions that are read from the cache
     */
    private Pass pass(LayerRange shard, double rows, double logitRows, double seen, double read) {
        LlamaConfig config = model.config();
        double multiplyAdds = 0;
        double bytes = 0;
        for (List<WeightMatrix> layer : model.layers().subList(shard.first(), shard.end())) {
            for (WeightMatrix matrix : layer) {
                multiplyAdds += multiplyAdds(matrix, rows);
                bytes += matrix.productBytes();
            }
        }
        if (shard.classifies(config) && logitRows > 0) {
            multiplyAdds += multiplyAdds(model.output(), logitRows);
            bytes += model.output().productBytes();
        }
        KvLayout kv = KvLayout.of(config, demand.kvType());
        bytes += read * shard.layers() * kv.layerBytes() / KvLayout.BLOCK_POSITIONS;
        multiplyAdds += KernelCost.ATTENTION * seen * shard.layers() * 2 * config.queryWidth();
        return new Pass(bytes / (1e9 * limits.memoryGbPerSecond()),
                2 * multiplyAdds / (1e9 * limits.fmaGflopPerSecond()));
    }

    private static double multiplyAdds(WeightMatrix matrix, double rows) {
        KernelCost cost = KernelCost.of(matrix.type());
        return matrix.multiplyAdds() * (cost.unpack() + cost.multiply() * rows);
    }

    /** Seconds that a micro-batch takes on a network edge; none where there is no edge. */
    private double transmission(double sequences, double rows) {
        return shards.size() == 1
                ? 0
                : WireFormat.microBatchBytes(model.config().hidden(), demand.activationType(), sequences, rows)
                        / (1e9 * limits.networkGbPerSecond());
    }

    private double latency() {
        return limits.latencyMs() / 1e3;
    }

    private double wayBack(double tokens) {
        return shards.size() == 1
                ? 0
                : latency() + WireFormat.drawnBytes(tokens) / (1e9 * limits.networkGbPerSecond());
    }
}
