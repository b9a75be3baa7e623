package io.millrace.job.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.job.plan.Plan.Deployment;
import io.millrace.job.plan.Prediction.Bottleneck;
import io.millrace.runtime.kv.KvType;
import org.junit.jupiter.api.Test;

class PredictorTest {
    private static final TaskManagers FOUR = new TaskManagers(4, 1L << 38);
    private static final HardwareLimits LIMITS = new HardwareLimits(16, 100, 2000, 1.25, 0.1, false);
    private static final ModelShape MODEL = ModelShape.of(Geometry.LLAMA_8B, Quantization.Q4_0);

    private static Prediction predict(int taskManagers, int shards, int batch, HardwareLimits limits) {
        Demand demand = new Demand(512, batch, batch, KvType.F16, ActivationType.F32);
        Deployment plan = (Deployment) Planner.plan(MODEL, new TaskManagers(taskManagers, FOUR.memoryBytes()), demand,
                new Sharding.Into(shards));
        return Predictor.predict(MODEL, plan, demand, limits);
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
    void shardsOfOneMachineShareIt() {
        double one = predict(1, 1, 4, LIMITS).decodeTokensPerSecond();
        Prediction four = predict(4, 4, 16, SHARED);

        assertThat(four.decodeTokensPerSecond()).isCloseTo(one, within(one / 1000));
        assertThat(four.prefillTokensPerSecond())
                .isCloseTo(predict(1, 1, 4, LIMITS).prefillTokensPerSecond(), within(1.0));
        assertThat(four.bottleneck()).isEqualTo(Bottleneck.SHARED_MACHINE);
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
        assertThat(prediction.decodeTokensPerSecond()).isCloseTo(0.0001e9 / (4096 * 4 + WireFormat.SEQUENCE_BYTES),
                within(1e-6));
    }

    @Test
    void aTokenCrossesEachEdgeOnceAndComesBack() {
        Prediction prediction = predict(3, 3, 3, LIMITS);

        assertThat(prediction.networkBytesPerToken())
                .isEqualTo(2 * (4096 * 4 + WireFormat.SEQUENCE_BYTES) + WireFormat.TOKEN_BYTES);
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
}
