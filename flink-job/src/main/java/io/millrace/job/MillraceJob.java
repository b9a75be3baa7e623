package io.millrace.job;

import io.millrace.job.kafka.KafkaEvents;
import io.millrace.job.kafka.KafkaSettings;
import io.millrace.job.kafka.Topics;
import io.millrace.operator.Llama;
import io.millrace.operator.LlamaStreams;
import java.time.Duration;
import java.util.Map;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The job: prompts from Kafka, Llama's answers back to Kafka. */
public final class MillraceJob {
    /** Name under which it runs. */
    public static final String NAME = "millrace";

    /**
     * What the job sets where the user and the cluster do not. Completions become visible with a checkpoint, so the interval
     * bounds how long they wait; unaligned checkpoints complete under backpressure too.
     */
    private static final Configuration DEFAULTS = new Configuration()
            .set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(1))
            .set(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE, CheckpointingMode.EXACTLY_ONCE)
            .set(CheckpointingOptions.ENABLE_UNALIGNED, true)
            .set(CheckpointingOptions.ALIGNED_CHECKPOINT_TIMEOUT, Duration.ofMillis(100))
            .set(CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
                    ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION)
            .set(PipelineOptions.NAME, NAME)
            // Every type has its own serializer, whose snapshots let state outlive a change of it.
            .set(PipelineOptions.GENERIC_TYPES, false);

    private MillraceJob() {}

    /**
     * Adds the job to {@code env}, whose configuration holds the options ({@code millrace.*}, {@code kafka.*} and Flink's own).
     * Asks the Kafka cluster for the topics first and creates those that are missing.
     *
     * @throws IllegalArgumentException when an option is missing or out of range: one line with its name and the remedy
     * @throws io.millrace.job.kafka.KafkaSetupException when the job cannot start with this Kafka cluster: one line
     */
    public static void define(StreamExecutionEnvironment env) {
        env.configure(missingDefaults(env.getConfiguration().toMap()));
        Configuration config = Configuration.fromMap(env.getConfiguration().toMap());
        KafkaSettings settings = KafkaSettings.of(config);
        KafkaEvents kafka = new KafkaEvents(settings, Topics.prepare(settings));

        KafkaEvents.Inputs read = kafka.read(env);
        LlamaStreams answers = Llama.onInputs(read.inputs()).options(config).build();
        kafka.writeCompletions(answers.completions().union(read.refusals()));
        kafka.writeDeltas(answers.deltas());
        kafka.writeDeadLetters(answers.deadLetters().union(read.deadLetters()));
    }

    private static Configuration missingDefaults(Map<String, String> present) {
        Map<String, String> defaults = DEFAULTS.toMap();
        defaults.keySet().removeAll(present.keySet());
        return Configuration.fromMap(defaults);
    }
}
