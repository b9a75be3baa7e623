package io.millrace.job;

import io.millrace.job.embedded.EmbeddedCluster;
import io.millrace.job.format.EventFormat;
import io.millrace.job.kafka.KafkaOptions;
import io.millrace.operator.MillraceOptions;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.TaskManagerOptions;

/** One broker and one small random model; every job gets topics of its own. */
final class JobFixture implements AutoCloseable {
    static final int CONTEXT = 1024;

    private static final Duration START_LIMIT = Duration.ofSeconds(90);
    private final AtomicInteger jobs = new AtomicInteger();
    private final TestBroker kafka = TestBroker.start();
    private final Path directory;
    private final Path model;

    JobFixture(Path directory) throws IOException {
        this.directory = directory;
        this.model = directory.resolve("model.gguf");
        SampleModel.write(model, SampleModel.Options.defaults().withGeometry(2, 64, 128, 4, 2, 16)
                .withContextLength(CONTEXT).withType(TensorType.F32));
    }

    Path model() {
        return model;
    }

    /** Options of a job with its own topics and group. A failure ends it instead of starting it again. */
    Configuration options() {
        String name = "job" + jobs.incrementAndGet();
        Configuration options = new Configuration();
        options.set(CoreOptions.DEFAULT_PARALLELISM, 2);
        options.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
        options.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
        options.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(64));
        options.set(MillraceOptions.MODEL, model.toString());
        options.set(MillraceOptions.THREADS, 1);
        options.set(MillraceOptions.KV_MEMORY, MemorySize.ofMebiBytes(64));
        options.set(KafkaOptions.BOOTSTRAP_SERVERS, kafka.bootstrapServers());
        options.set(KafkaOptions.GROUP_ID, name);
        options.set(KafkaOptions.PROMPTS, name + ".prompts");
        options.set(KafkaOptions.CONTROLS, name + ".controls");
        options.set(KafkaOptions.COMPLETIONS, name + ".completions");
        options.set(KafkaOptions.DELTAS, name + ".deltas");
        options.set(KafkaOptions.DEAD_LETTERS, name + ".dead-letters");
        return options;
    }

    EmbeddedCluster start(Configuration options) throws InterruptedException {
        EmbeddedCluster cluster = EmbeddedCluster.start(options, directory);
        cluster.awaitRunning(START_LIMIT);
        return cluster;
    }

    Path savepoints() {
        return directory.resolve("savepoints");
    }

    EventsClient client(Configuration options, EventFormat format) {
        return new EventsClient(kafka.bootstrapServers(), options, format);
    }

    @Override
    public void close() {
        kafka.close();
    }
}
