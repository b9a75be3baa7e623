package io.millrace.job.bench.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.job.bench.Spread;
import io.millrace.job.bench.load.EndToEndReport.Turn;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EndToEndBenchTest {

    /** Every turn is answered in the given length, though the model would end some answers earlier. */
    @Test
    void everyTurnIsHeldThroughKafkaOnTheEngineAndWithItsHistoryResent(@TempDir Path temporary)
            throws IOException, InterruptedException {
        Path path = temporary.resolve("small.gguf");
        SampleModel.write(path, SampleModel.Options.defaults().withGeometry(2, 64, 128, 4, 2, 16)
                .withType(TensorType.F32));
        Workload work = new Workload(3, 2, 10, 12);
        AtomicInteger heard = new AtomicInteger();

        EndToEndReport report;
        try (LlamaModel model = LlamaModel.open(path, PackingOptions.inMemory(1))) {
            report = new EndToEndBench(path, model, work, new EndToEndBench.Setup(2, KvType.F16, null, 1,
                    new EndToEndBench.Comparisons(true, 2, 0)),
                    temporary,
                    heard::addAndGet).run();
        }

        assertThat(report.endToEnd().tokensPerSecond()).isPositive();
        assertThat(report.engine().tokensPerSecond()).isPositive();
        assertThat(report.share().median())
                .isEqualTo(report.endToEnd().tokensPerSecond() / report.engine().tokensPerSecond());
        assertThat(report.decoder().median()).isPositive();
        assertThat(report.shareOfDecoder().median())
                .isEqualTo(report.endToEnd().tokensPerSecond() / report.decoder().median());
        assertThat(report.resent()).isNotNull();
        assertThat(report.sharded()).isNotNull().satisfies(sharded -> {
            assertThat(sharded.microBatches()).isEqualTo(2);
            assertThat(sharded.share().median())
                    .isEqualTo(sharded.rates().tokensPerSecond() / report.endToEnd().tokensPerSecond());
        });
        assertThat(report.turns()).extracting(Turn::turn).containsExactly(1, 2);
        assertThat(report.turns()).allSatisfy(turn -> {
            assertThat(turn.session()).isPositive();
            assertThat(turn.resent()).isPositive();
        });
        // The second turn's prompt holds the first turn: its prompt, its answer, a new message.
        assertThat(report.turns().getLast().promptTokens())
                .isGreaterThan(report.turns().getFirst().promptTokens() + 10 + 12);
        assertThat(heard.get()).isPositive();
    }

    @Test
    void theTableComparesTurnByTurn() {
        LoadRates rates = new LoadRates(50, 49, 51.25, new Percentiles(100, 200, 300), new Percentiles(10, 20, 30));
        EndToEndReport report = new EndToEndReport("llama", 2, 32, 200, 3, rates, rates,
                new Spread(49.5, 51, 52), new Spread(0.95, 0.974, 1.0125), new Spread(0.94, 0.961, 0.97), rates,
                new EndToEndReport.Sharded(3, 2, rates, new Spread(0.9, 0.91, 0.92)),
                List.of(new Turn(1, 75, 640, 650.0, 1.0156), new Turn(10, 2500, 700.04, 25000.0, 35.71)));

        assertThat(report.table().lines()).containsExactly(
                "llama, 2 threads, 32 conversations of 2 turns, 200 tokens an answer, 3 rounds", "",
                "                  tokens/s   slowest   fastest   first token, ms            per token, ms",
                "                                                    p50      p95      p99       p50      p95      p99",
                "Kafka to Kafka        50.0      49.0      51.3    100.0    200.0    300.0      10.0     20.0     30.0",
                "engine alone          50.0      49.0      51.3    100.0    200.0    300.0      10.0     20.0     30.0",
                "decoder alone         51.0      49.5      52.0",
                "history resent        50.0      49.0      51.3    100.0    200.0    300.0      10.0     20.0     30.0",
                "in 3 shards           50.0      49.0      51.3    100.0    200.0    300.0      10.0     20.0     30.0",
                "",
                "Kafka to Kafka reaches 0.974 (0.950 to 1.013) of the engine's tokens/s, and 0.961 (0.940 to 0.970) of the decoder's.",
                "In 3 shards with 2 micro-batches under way it reaches 0.910 (0.900 to 0.920) of the whole model's tokens/s.",
                "",
                "turn  prompt tokens  first token, ms  history resent, ms  ratio",
                "   1             75            640.0               650.0    1.0",
                "  10           2500            700.0             25000.0   35.7");
    }
}
