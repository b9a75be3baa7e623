package io.millrace.job.cli;

import io.millrace.job.demo.Demo;
import io.millrace.job.embedded.EmbeddedJob;
import io.millrace.job.kafka.KafkaOptions;
import io.millrace.job.kafka.KafkaSettings;
import io.millrace.operator.MillraceOptions;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.RestOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace demo}: the whole thing in one process. */
@Command(name = "demo", mixinStandardHelpOptions = true, description = {
        "Watch the support desk of a shop: customers' messages go through a real Kafka broker and a real Flink job, both in this process.",
        "Each first message (>) is sorted into a line of JSON and answered (<); what the model asks of the shop is looked up (=). "
                + "Ends with a summary; the exit code is 0 only if everything was answered."}, footer = {"",
                        "Examples:",
                        "  millrace demo", "  millrace demo --conversations 16 --turns 4 --model model.gguf",
                        "  millrace demo --stay      then use it with your own Kafka clients"})
final class DemoCommand implements Callable<Integer> {
    private static final Duration START_LIMIT = Duration.ofMinutes(2);

    @Spec
    private CommandSpec spec;

    @Option(names = "--conversations", paramLabel = "N", defaultValue = "8", description = "Conversations that run at the same time. Default: ${DEFAULT-VALUE}.")
    private int conversations;

    @Option(names = "--turns", paramLabel = "N", defaultValue = "2", description = "Turns of each. Default: ${DEFAULT-VALUE}.")
    private int turns;

    @Mixin
    private DefaultModelOption model;

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
            out.println("Starting Kafka and the Flink job.");
            try (EmbeddedJob job = EmbeddedJob.start(options(path), directory.path(), START_LIMIT)) {
                out.printf("Kafka is up on %s.%n", job.kafka().bootstrapServers());
                boolean all = new Demo(job, out).run(conversations, turns);
                if (stay) {
                    stay(job, out);
                }
                return all ? 0 : 1;
            }
        }
    }

    private Path modelPath(Path directory, PrintWriter out) throws IOException {
        Optional<Path> found = model.find();
        if (found.isPresent()) {
            out.printf("Model: %s.%n", model.prepare(found.get()));
            return found.get();
        }
        Path sample = directory.resolve("sample.gguf");
        SampleModel.write(sample, SampleModel.Options.defaults());
        out.println(
                "Model: a sample with random weights. It is UNTRAINED, so the answers are nonsense; --model PATH takes a "
                        + "real Llama.");
        return sample;
    }

    private Configuration options(Path path) {
        Configuration options = new Configuration()
                .set(MillraceOptions.MODEL, path.toAbsolutePath().toString())
                .set(KafkaOptions.PARTITIONS, 2)
                .set(CoreOptions.DEFAULT_PARALLELISM, 2)
                // Completions appear with a checkpoint; nobody at a screen wants to wait a second for each.
                .set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(250))
                .set(RestOptions.ENABLE_FLAMEGRAPH, false);
        String cacheDirectory = model.cache().setting();
        return cacheDirectory == null ? options : options.set(MillraceOptions.WEIGHTS_CACHE_DIR, cacheDirectory);
    }

    private static void stay(EmbeddedJob job, PrintWriter out) throws InterruptedException {
        KafkaSettings kafka = job.kafka();
        out.println();
        out.printf("bootstrap servers: %s%n", kafka.bootstrapServers());
        out.printf("topics: %s%n", String.join(", ", kafka.topics()));
        out.printf("Flink: %s%n", job.cluster().webUi());
        out.println("ready: write prompts, read completions; Ctrl-C ends it");
        out.flush();
        new CountDownLatch(1).await();
    }

    private static String count(int number, String thing) {
        return number + " " + thing + (number == 1 ? "" : "s");
    }
}
