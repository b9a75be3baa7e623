package io.millrace.job.cli;

import io.millrace.job.demo.Demo;
import io.millrace.job.embedded.EmbeddedCluster;
import io.millrace.job.embedded.EmbeddedKafka;
import io.millrace.job.kafka.KafkaOptions;
import io.millrace.job.kafka.KafkaSettings;
import io.millrace.operator.MillraceOptions;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.weights.LayerSplit;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.RestOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace demo}: the whole thing in one process. */
@Command(name = "demo", mixinStandardHelpOptions = true, description = {
        "Watch conversations go through a real Kafka broker and a real Flink job, both in this process.",
        "Ends with a summary; the exit code is 0 only if every turn was answered."}, footer = {"", "Examples:",
                "  millrace demo", "  millrace demo --conversations 8 --turns 4 --model model.gguf",
                "  millrace demo --stay      then use it with your own Kafka clients"})
final class DemoCommand implements Callable<Integer> {
    private static final Duration START_LIMIT = Duration.ofMinutes(2);

    @Spec
    private CommandSpec spec;

    @Option(names = "--conversations", paramLabel = "N", defaultValue = "3", description = "Conversations that run at the same time. Default: ${DEFAULT-VALUE}.")
    private int conversations;

    @Option(names = "--turns", paramLabel = "N", defaultValue = "2", description = "Turns of each. Default: ${DEFAULT-VALUE}.")
    private int turns;

    @Option(names = {"-m",
            "--model"}, paramLabel = "PATH", description = "A GGUF file, the first file of a split GGUF, or a Hugging Face directory. Default: a small model "
                    + "with random weights, written on the spot.")
    private @Nullable Path model;

    @Mixin
    private WeightsCacheOption cache;

    @Option(names = "--stay", description = "Keep the broker and the job running after the conversations, until Ctrl-C, and print where they are.")
    private boolean stay;

    @Override
    public Integer call() throws IOException, InterruptedException {
        Numbers.requirePositive("--conversations", conversations);
        Numbers.requirePositive("--turns", turns);
        PrintWriter out = spec.commandLine().getOut();
        try (Interruption _ = Interruption.ofThisThread();
                TemporaryDirectory directory = TemporaryDirectory.create("millrace-demo")) {
            out.printf("Millrace demo: %s of %s, through Kafka and Flink in this process.%n",
                    count(conversations, "conversation"), count(turns, "turn"));
            Path path = modelPath(directory.path(), out);
            try (EmbeddedKafka broker = EmbeddedKafka.start()) {
                out.printf("Kafka is up on %s. Starting the Flink job.%n", broker.bootstrapServers());
                Configuration options = options(path, broker);
                try (EmbeddedCluster cluster = EmbeddedCluster.start(options, directory.path())) {
                    cluster.awaitRunning(START_LIMIT);
                    KafkaSettings kafka = KafkaSettings.of(options);
                    boolean all = Demo.run(cluster, kafka, conversations, turns, out);
                    if (stay) {
                        stay(kafka, cluster, out);
                    }
                    return all ? 0 : 1;
                }
            }
        }
    }

    private Path modelPath(Path directory, PrintWriter out) throws IOException {
        if (model != null) {
            // So that a damaged file is told in one line and not by a failing job, and that a long packing is seen.
            Path path = model;
            String name = LoadingProgress.during(cache.directory(), Runtime.getRuntime().availableProcessors(),
                    spec.commandLine().getErr(),
                    packing -> LlamaModel.prepare(path, outline -> LayerSplit.balanced(outline, 1), packing));
            out.printf("Model: %s.%n", name);
            return model;
        }
        Path sample = directory.resolve("sample.gguf");
        SampleModel.write(sample, SampleModel.Options.defaults());
        out.println(
                "Model: a sample with random weights. It is UNTRAINED, so the answers are nonsense; --model PATH takes a "
                        + "real Llama.");
        return sample;
    }

    private Configuration options(Path model, EmbeddedKafka broker) {
        Configuration options = new Configuration()
                .set(MillraceOptions.MODEL, model.toAbsolutePath().toString())
                .set(KafkaOptions.BOOTSTRAP_SERVERS, broker.bootstrapServers())
                .set(KafkaOptions.PARTITIONS, 2)
                .set(CoreOptions.DEFAULT_PARALLELISM, 2)
                // Completions appear with a checkpoint; nobody at a screen wants to wait a second for each.
                .set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(250))
                .set(RestOptions.ENABLE_FLAMEGRAPH, false);
        String cacheDirectory = cache.setting();
        return cacheDirectory == null ? options : options.set(MillraceOptions.WEIGHTS_CACHE_DIR, cacheDirectory);
    }

    private static void stay(KafkaSettings kafka, EmbeddedCluster cluster, PrintWriter out)
            throws InterruptedException {
        out.println();
        out.printf("bootstrap servers: %s%n", kafka.bootstrapServers());
        out.printf("topics: %s%n", String.join(", ", kafka.topics()));
        out.printf("Flink: %s%n", cluster.webUi());
        out.println("ready: write prompts, read completions; Ctrl-C ends it");
        out.flush();
        new CountDownLatch(1).await();
    }

    private static String count(int number, String thing) {
        return number + " " + thing + (number == 1 ? "" : "s");
    }
}
