package io.millrace.job.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.millrace.job.plan.Plan.Deployment;
import io.millrace.job.plan.Prediction.Bottleneck;
import io.millrace.operator.shard.ActivationType;
import io.millrace.operator.shard.WireFormat;
import io.millrace.runtime.kv.KvType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PredictorTest {
    private static final TaskManagers FOUR = new TaskManagers(4, 1L << 38);
    private static final HardwareLimits LIMITS = new HardwareLimits(16, 100, 2000, 1.25, 0.1, false);
    private static final ModelShape MODEL = ModelShape.of(Geometry.LLAMA_8B, Quantization.Q4_0);

    private static Prediction predict(int taskManagers, int shards, int batch, HardwareLimits limits) {
        return predict(taskManagers, shards, batch, limits, 0);
    }

    private static Prediction predict(int taskManagers, int shards, int batch, HardwareLimits limits,
            int microBatches) {
        Demand demand = new Demand(512, batch, batch, KvType.F16, ActivationType.F32);
        Deployment plan = (Deployment) Planner.plan(MODEL, new TaskManagers(taskManagers, FOUR.memoryBytes()), demand,
                new Sharding.Into(shards));
        return Predictor.predict(MODEL, plan, demand, limits, microBatches);
    }

    private static HardwareLimits network(double gbPerSecond, double latencyMs) {
        return new HardwareLimits(LIMITS.cores(), LIMITS.memoryGbPerSecond(), LIMITS.fmaGflopPerSecond(), gbPerSecond,
                latencyMs, false);
    }

    private static final HardwareLimits SHARED = new HardwareLimits(LIMITS.cores(), LIMITS.memoryGbPerSecond(),
            LIMITS.fmaGflopPerSecond(), 10, 0, true);

    @Test
    void aPassReadsAllWeightsAndItsCache() {
        HardwareLimits reads = new HardwareLimits(1, 1, 1e9, 1.25, 0, false);
        Prediction prediction = predict(1, 1, 2, reads);

        // Packed matrices, and two sessions' caches of 257 positions of 128 KiB.
        double bytes = (8_029_995_008L - 128_256L * 4096) / 32.0 * 18 + 2 * 257 * 131_072.0;
        assertThat(prediction.decodeTokensPerSecond()).isCloseTo(2 / (bytes / 1e9), within(1e-3));
        assertThat(prediction.bottleneck()).isEqualTo(Bottleneck.SLOWEST_SHARD);
        assertThat(prediction.networkBytesPerToken()).isZero();
    }

    @Test
    void shardsOnMachinesOfTheirOwnDecodeSideBySide() {
        double one = predict(1, 1, 16, LIMITS).decodeTokensPerSecond();
        Prediction four = predict(4, 4, 64, network(100, 0));

        assertThat(four.microBatches()).isEqualTo(4);
        assertThat(four.rows()).isEqualTo(16);
        assertThat(four.decodeTokensPerSecond()).isBetween(3.3 * one, 4 * one);
        assertThat(four.bottleneck()).isEqualTo(Bottleneck.SLOWEST_SHARD);
    }

    @Test
    void oneSequenceAloneGainsNothingFromShards() {
        Prediction one = predict(1, 1, 1, LIMITS);
        Prediction four = predict(4, 4, 1, LIMITS);

        assertThat(four.microBatches()).isEqualTo(1);
        assertThat(four.decodeTokensPerSecond()).isLessThan(one.decodeTokensPerSecond());
        assertThat(four.bottleneck()).isEqualTo(Bottleneck.ROUND_TRIP);
    }

    @Test
    void shardsOfOneMachineShareItAndReadTheirWeightsOnce() {
        Prediction one = predict(1, 1, 16, LIMITS);
        Prediction four = predict(4, 4, 16, SHARED);

        assertThat(four.microBatches()).isEqualTo(1);
        assertThat(four.decodeTokensPerSecond())
                .isCloseTo(one.decodeTokensPerSecond(), withinPercentage(0.1));
        assertThat(four.prefillTokensPerSecond()).isCloseTo(one.prefillTokensPerSecond(), withinPercentage(0.1));
        // With four in flight each shard reads and unpacks its weights four times as often.
        assertThat(predict(4, 4, 16, SHARED, 4).decodeTokensPerSecond())
                .isCloseTo(predict(1, 1, 4, LIMITS).decodeTokensPerSecond(), withinPercentage(0.1));
        assertThat(predict(4, 4, 16, SHARED, 4).bottleneck()).isEqualTo(Bottleneck.SHARED_MACHINE);
    }

    @Test
    void pipelinesSideBySideAddUpUnlessTheyShareAMachine() {
        double one = predict(1, 1, 4, LIMITS).decodeTokensPerSecond();

        assertThat(predict(4, 1, 16, LIMITS).decodeTokensPerSecond()).isCloseTo(4 * one, within(1e-6));
        assertThat(predict(4, 1, 16, SHARED).decodeTokensPerSecond()).isCloseTo(one, within(1e-6));
    }

    @Test
    void aSlowNetworkIsTheBottleneck() {
        Prediction prediction = predict(2, 2, 8, network(0.0001, 0));

        assertThat(prediction.bottleneck()).isEqualTo(Bottleneck.NETWORK);
        assertThat(prediction.decodeTokensPerSecond()).isLessThan(0.0001e9 / (4096 * 4))
                .isGreaterThan(0.0001e9 / (4096 * 4 + 200));
    }

    @Test
    void aTokenCrossesEachEdgeOnceAndComesBack() {
        Prediction prediction = predict(3, 3, 3, LIMITS);

        assertThat(prediction.networkBytesPerToken())
                .isEqualTo(2 * WireFormat.microBatchBytes(4096, ActivationType.F32, 1, 1) + WireFormat.drawnBytes(1));
        assertThat(prediction.networkBytesPerSecond())
                .isCloseTo(prediction.networkBytesPerToken() * prediction.decodeTokensPerSecond(), within(1e-6));
    }

    @Test
    void promptsOfSeveralChunksPassTheShardsSideBySide() {
        Prediction one = predict(1, 1, 1, network(100, 0));
        Prediction two = predict(2, 2, 1, network(100, 0));

        // Two chunks in two stages: three steps of half the time instead of four.
        assertThat(two.firstTokenMs()).isBetween(0.7 * one.firstTokenMs(), 0.85 * one.firstTokenMs());
        assertThat(two.prefillTokensPerSecond()).isBetween(1.8 * one.prefillTokensPerSecond(),
                2 * one.prefillTokensPerSecond());
    }

    /**
     * Median tokens/s that {@code millrace bench} measured for the 1b geometry on two cores of a Sapphire Rapids server, beside
     * the limits that it measured then; steps behind 20 positions, prefill of 256 or 512 tokens.
     */
    @ParameterizedTest
    @CsvSource({"Q4_0, 23.2, 286, 17.7, 47.2, 68.5, 88.3", "Q8_0, 30.1, 341, 14.9, 47.5, 49.8, 108.5",
            "Q4_0, 28, 300, 19.7, 57.0, 70.8, 102.0", "Q8_0, 28, 300, 13.0, 43.9, 61.6, 85.4",
            "Q4_K_M, 28, 300, 15.0, 43.5, 56.3, 93.2"})
    void thePredictionIsNearWhatWasMeasured(Quantization quantization, double bandwidth, double gflops, double one,
            double eight, double sixteen, double prefill) {
        HardwareLimits limits = new HardwareLimits(2, bandwidth, gflops, 1.25, 0, false);

        assertThat(one(quantization, 40, 1, limits).decodeTokensPerSecond()).isCloseTo(one, withinPercentage(15));
        assertThat(one(quantization, 40, 8, limits).decodeTokensPerSecond()).isCloseTo(eight, withinPercentage(18));
        // One of the measurements lies 30% below another one of the same day.
        assertThat(one(quantization, 40, 16, limits).decodeTokensPerSecond()).isCloseTo(sixteen, withinPercentage(30));
        assertThat(one(quantization, 512, 1, limits).prefillTokensPerSecond())
                .isCloseTo(prefill, withinPercentage(15));
    }

    /**
     * What share of the whole model's tokens/s shards reached on one machine, measured by {@code millrace bench --end-to-end
     * --compare-shards} with 16 conversations of the 1b geometry in Q4_0 on two cores.
     */
    @ParameterizedTest
    @CsvSource({"2, 1, 1.03", "3, 1, 0.965", "3, 3, 0.73", "4, 1, 0.95"})
    void theShareThatShardsOfOneMachineReachIsNearWhatWasMeasured(int shards, int microBatches, double share) {
        HardwareLimits limits = new HardwareLimits(2, 28, 300, 1.25, 0, true);
        ModelShape model = ModelShape.of(Geometry.LLAMA_1B, Quantization.Q4_0);
        Demand demand = new Demand(80, 16, 16, KvType.F16, ActivationType.F32);
        Deployment plan = (Deployment) Planner.plan(model, new TaskManagers(shards, FOUR.memoryBytes()), demand,
                new Sharding.Into(shards));

        double predicted = Predictor.predict(model, plan, demand, limits, microBatches).decodeTokensPerSecond()
                / one(Quantization.Q4_0, 80, 16, limits).decodeTokensPerSecond();

        assertThat(predicted).isCloseTo(share, withinPercentage(10));
    }

    private static Prediction one(Quantization quantization, int context, int batch, HardwareLimits limits) {
        ModelShape model = ModelShape.of(Geometry.LLAMA_1B, quantization);
        Demand demand = new Demand(context, batch, batch, KvType.F16, ActivationType.F32);
        Deployment plan = (Deployment) Planner.plan(model, new TaskManagers(1, FOUR.memoryBytes()), demand,
                new Sharding.Fewest());
        return Predictor.predict(model, plan, demand, limits, 0);
    }
}
