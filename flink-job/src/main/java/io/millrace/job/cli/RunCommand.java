package io.millrace.job.cli;

import io.millrace.job.embedded.EmbeddedCluster;
import io.millrace.job.kafka.KafkaSettings;
import io.millrace.operator.OperatorSettings;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.packing.PackingOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace run}: the job against the user's Kafka, on a Flink cluster in this process. */
@Command(name = "run", mixinStandardHelpOptions = true, sortOptions = false, description = {
        "Run the job against your Kafka, on a Flink cluster in this process.",
        "Ctrl-C stops it with a savepoint in the state directory and says how to go on from there. On a Flink cluster "
                + "of your own, give the same options to the jar: flink run millrace-flink-job.jar OPTIONS"}, footer = {
                        "",
                        "Every option is a setting too: --kv-memory 4g, -Dmillrace.engine.kv.memory=4g and the "
                                + "YAML line 'millrace.engine.kv.memory: 4g' say the same. -D also takes Flink's settings "
                                + "and, as kafka.PROPERTY, those of Kafka's clients (kafka.security.protocol=SASL_SSL). "
                                + "The command line wins over -D, and -D over the file.",
                        "", "Example:", "  millrace run --bootstrap-servers localhost:9092 --model model.gguf"})
final class RunCommand implements Callable<Integer> {
    private static final Duration START_LIMIT = Duration.ofMinutes(10);
    private static final Duration WATCH = Duration.ofSeconds(1);

    @Spec
    private CommandSpec spec;

    @Mixin
    private JobSettings settings;

    @Option(names = "--state", paramLabel = "DIR", defaultValue = "millrace-state", description = "Directory for checkpoints and savepoints. Default: ${DEFAULT-VALUE}.")
    private Path state;

    @Option(names = "--resume", paramLabel = "PATH", description = "Go on from a savepoint or checkpoint: sessions, running turns and Kafka offsets.")
    private @Nullable String resume;

    @Override
    public Integer call() throws IOException, InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        Configuration config = settings.configuration(spec.commandLine().getParseResult());
        if (resume != null) {
            config.set(StateRecoveryOptions.SAVEPOINT_PATH, resume);
        }
        KafkaSettings kafka = KafkaSettings.of(config);
        prepareModel(OperatorSettings.of(config));
        Path directory = state.toAbsolutePath();
        try (Interruption _ = Interruption.ofThisThread();
                EmbeddedCluster cluster = EmbeddedCluster.start(config, directory)) {
            cluster.awaitRunning(START_LIMIT);
            // Loading left garbage that would stay for hours where little is allocated: it goes back to the system.
            System.gc();
            out.printf(
                    "running: prompts from %s, completions to %s on %s; Flink on %s; Ctrl-C stops with a savepoint%n",
                    kafka.prompts(), kafka.completions(), kafka.bootstrapServers(), cluster.webUi());
            return watch(cluster, directory);
        }
    }

    /** So that a damaged file is told in one line and not by a failing job, and that a long packing is seen. */
    private void prepareModel(OperatorSettings operator) {
        LoadingProgress.during(PackingOptions.cacheDirectory(operator.weightsCacheDir()),
                Runtime.getRuntime().availableProcessors(), spec.commandLine().getErr(),
                packing -> LlamaModel.prepare(Path.of(operator.model()), operator.shards()::split,
                        packing));
    }

    /** Reports failures until the job ends, which it should not, or this thread is interrupted, which stops it. */
    private int watch(EmbeddedCluster cluster, Path directory) {
        try {
            Optional<String> told = Optional.empty();
            while (!cluster.status().isGloballyTerminalState()) {
                Optional<String> failure = cluster.failure();
                if (failure.isPresent() && !failure.equals(told)) {
                    spec.commandLine().getErr().printf(
                            "millrace: the job failed and restarts from its last checkpoint: %s%n",
                            failure.get());
                    told = failure;
                }
                TimeUnit.MILLISECONDS.sleep(WATCH.toMillis());
            }
            throw new CommandFailure(
                    "the job ended, " + cluster.status() + told.map(cause -> ": " + cause).orElse(""));
        } catch (InterruptedException e) {
            return stop(cluster, directory);
        } catch (IllegalStateException e) {
            if (e.getCause() instanceof InterruptedException && Thread.interrupted()) {
                return stop(cluster, directory);
            }
            throw e;
        }
    }

    private int stop(EmbeddedCluster cluster, Path directory) {
        spec.commandLine().getErr().println("stopping with a savepoint");
        String savepoint = cluster.stopWithSavepoint(directory.resolve("savepoints"));
        spec.commandLine().getErr().printf("stopped; go on with --resume %s%n", savepoint);
        return 0;
    }
}
