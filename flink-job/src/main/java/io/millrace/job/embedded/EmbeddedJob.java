package io.millrace.job.embedded;

import io.millrace.job.format.EventFormatException;
import io.millrace.job.kafka.JobClient;
import io.millrace.job.kafka.KafkaOptions;
import io.millrace.job.kafka.KafkaSettings;
import io.millrace.job.kafka.RunningJob;
import io.millrace.schemas.PromptEvent;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.apache.flink.configuration.Configuration;

/**
 * A broker, the job on a cluster, and a client that talks to it over Kafka, all in this JVM. Used and closed by one thread;
 * {@link #close()} ends all three.
 */
public final class EmbeddedJob implements RunningJob, AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(20);
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private final EmbeddedKafka broker;
    private final EmbeddedCluster cluster;
    private final KafkaSettings kafka;
    private final JobClient client;
    private long lastHeard = System.nanoTime();

    private EmbeddedJob(EmbeddedKafka broker, EmbeddedCluster cluster, KafkaSettings kafka) {
        this.broker = broker;
        this.cluster = cluster;
        this.kafka = kafka;
        client = new JobClient(kafka);
    }

    /**
     * Starts the job on a broker of its own and waits until it runs.
     *
     * @param options as {@link EmbeddedCluster#start} takes them, without the broker's address
     * @param directory holds checkpoints, unless {@code options} say where they go
     * @throws EmbeddedClusterException when the job fails before it runs, or does not run within {@code limit}
     */
    public static EmbeddedJob start(Configuration options, Path directory, Duration limit)
            throws InterruptedException {
        EmbeddedKafka broker = EmbeddedKafka.start();
        try {
            Configuration all = new Configuration(options).set(KafkaOptions.BOOTSTRAP_SERVERS,
                    broker.bootstrapServers());
            return start(broker, EmbeddedCluster.start(all, directory), KafkaSettings.of(all), limit);
        } catch (RuntimeException | InterruptedException e) {
            broker.close();
            throw e;
        }
    }

    private static EmbeddedJob start(EmbeddedKafka broker, EmbeddedCluster cluster, KafkaSettings kafka,
            Duration limit) throws InterruptedException {
        try {
            cluster.awaitRunning(limit);
            return new EmbeddedJob(broker, cluster, kafka);
        } catch (RuntimeException | InterruptedException e) {
            cluster.close();
            throw e;
        }
    }

    /** Where clients of their own find broker and topics. */
    public KafkaSettings kafka() {
        return kafka;
    }

    /** What the job runs on. */
    public EmbeddedCluster cluster() {
        return cluster;
    }

    @Override
    public void send(PromptEvent prompt) {
        lastHeard = System.nanoTime();
        client.send(prompt);
    }

    @Override
    public void endSession(String conversationId) {
        client.endSession(conversationId);
    }

    /** Gives up when nothing was heard for five minutes, and tells what the job says of itself. */
    @Override
    public List<JobClient.Answer> answers() {
        List<JobClient.Answer> answers;
        try {
            answers = client.poll(POLL);
        } catch (EventFormatException e) {
            throw new IllegalStateException("an answer of the job cannot be read: " + e.getMessage(), e);
        }
        long now = System.nanoTime();
        if (!answers.isEmpty()) {
            lastHeard = now;
        } else if (now - lastHeard > PATIENCE.toNanos()) {
            throw new EmbeddedClusterException("nothing was heard for " + PATIENCE.toSeconds() + " s; the job is "
                    + cluster.status() + cluster.failure().map(cause -> ", it failed with: " + cause).orElse(""));
        }
        return answers;
    }

    @Override
    public void close() {
        try (EmbeddedKafka _ = broker; EmbeddedCluster _ = cluster) {
            client.close();
        }
    }
}
