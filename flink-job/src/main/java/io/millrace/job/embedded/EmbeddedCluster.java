package io.millrace.job.embedded;

import io.millrace.job.MillraceJob;
import io.millrace.job.RootCause;
import io.millrace.operator.OperatorSettings;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.execution.ExecutionState;
import org.apache.flink.runtime.executiongraph.AccessExecutionGraph;
import org.apache.flink.runtime.executiongraph.ErrorInfo;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * A Flink cluster in this JVM that runs {@link MillraceJob}: job manager and one task manager, on the loopback interface.
 * Methods may be called from any thread; {@link #close()} ends the job and the cluster.
 */
public final class EmbeddedCluster implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(20);
    /** Of network memory; a token takes a small part of it, and every channel has some to itself. */
    private static final MemorySize NETWORK_BUFFER = MemorySize.parse("8kb");
    /** For each subtask of an operator. */
    private static final MemorySize NETWORK_MEMORY = NETWORK_BUFFER.multiply(512);

    /** Activations are large: a prompt's rows are many buffers. */
    private static final MemorySize SHARD_NETWORK_BUFFER = MemorySize.parse("32kb");
    private static final MemorySize SHARD_NETWORK_MEMORY = SHARD_NETWORK_BUFFER.multiply(512);

    private final MiniCluster cluster;
    private final JobID job;

    private EmbeddedCluster(MiniCluster cluster, JobID job) {
        this.cluster = cluster;
        this.job = job;
    }

    /**
     * Starts the job; it may still be deploying when this returns.
     *
     * @param options the job's and Flink's; with {@code execution.state-recovery.path} the job goes on from a savepoint or
     *        checkpoint
     * @param directory holds checkpoints, unless {@code options} say where they go
     * @throws IllegalArgumentException when an option is missing or out of range
     * @throws io.millrace.job.kafka.KafkaSetupException when the job cannot start with the Kafka cluster
     * @throws EmbeddedClusterException when Flink does not start
     */
    public static EmbeddedCluster start(Configuration options, Path directory) {
        Configuration config = new Configuration(options);
        setIfAbsent(config, CheckpointingOptions.CHECKPOINTS_DIRECTORY,
                directory.resolve("checkpoints").toUri().toString());
        // Conversations outgrow a heap, and a checkpoint writes only what is new.
        setIfAbsent(config, StateBackendOptions.STATE_BACKEND, "rocksdb");
        setIfAbsent(config, CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
        setIfAbsent(config, TaskManagerOptions.BUFFER_DEBLOAT_ENABLED, true);
        setIfAbsent(config, RestOptions.BIND_PORT, "0");
        config.set(RestOptions.BIND_ADDRESS, "localhost");
        StreamExecutionEnvironment env = new StreamExecutionEnvironment(config);
        MillraceJob.define(env);
        JobGraph graph = env.getStreamGraph().getJobGraph();
        // Taken at once; prompts and tokens need little of it.
        int shards = OperatorSettings.of(config).shards().count();
        int slots = config.get(CoreOptions.DEFAULT_PARALLELISM) * shards;
        MemorySize network = (shards == 1 ? NETWORK_MEMORY : SHARD_NETWORK_MEMORY).multiply(slots);
        setIfAbsent(config, TaskManagerOptions.MEMORY_SEGMENT_SIZE,
                shards == 1 ? NETWORK_BUFFER : SHARD_NETWORK_BUFFER);
        setIfAbsent(config, TaskManagerOptions.NETWORK_MEMORY_MIN, network);
        setIfAbsent(config, TaskManagerOptions.NETWORK_MEMORY_MAX, network);
        MiniCluster cluster = new MiniCluster(
                new MiniClusterConfiguration.Builder().setConfiguration(config).setNumTaskManagers(1)
                        .setNumSlotsPerTaskManager(slots).build());
        try {
            cluster.start();
            return new EmbeddedCluster(cluster, get(cluster.submitJob(graph)).getJobID());
        } catch (Exception e) {
            cluster.closeAsync().join();
            throw new EmbeddedClusterException("the embedded Flink cluster did not start: " + RootCause.message(e), e);
        }
    }

    private static <T> void setIfAbsent(Configuration config, ConfigOption<T> option, T value) {
        if (!config.contains(option)) {
            config.set(option, value);
        }
    }

    /** Whether the job runs, restarts or has ended. */
    public JobStatus status() {
        return get(cluster.getJobStatus(job));
    }

    /** Address of Flink's web UI. */
    public URI webUi() {
        return get(cluster.getRestAddress());
    }

    /** Why the job last failed, in one line; empty when it never did. */
    public Optional<String> failure() {
        ErrorInfo failure = get(cluster.getExecutionGraph(job)).getFailureInfo();
        return failure == null
                ? Optional.empty()
                : Optional.of(RootCause.message(
                        failure.getException().deserializeError(EmbeddedCluster.class.getClassLoader())));
    }

    /**
     * Waits until every task runs.
     *
     * @throws EmbeddedClusterException when the job fails before, or is not there in time; the message says why
     */
    public void awaitRunning(Duration limit) throws InterruptedException {
        long deadline = System.nanoTime() + limit.toNanos();
        while (!allTasksRun()) {
            Optional<String> failure = failure();
            if (failure.isPresent()) {
                throw new EmbeddedClusterException("the job failed: " + failure.get());
            }
            if (System.nanoTime() > deadline) {
                throw new EmbeddedClusterException(
                        "the job does not run after " + limit.toSeconds() + " s: it is " + status());
            }
            TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
        }
    }

    private boolean allTasksRun() {
        AccessExecutionGraph graph = get(cluster.getExecutionGraph(job));
        return graph.getState() == JobStatus.RUNNING
                && StreamSupport.stream(graph.getAllExecutionVertices().spliterator(), false)
                        .allMatch(task -> task.getExecutionState() == ExecutionState.RUNNING);
    }

    /**
     * Stops the job with a savepoint that any state backend can restore, and returns its path. Turns that run are cut off and
     * go on after a restore.
     */
    public String stopWithSavepoint(Path directory) {
        return get(cluster.stopWithSavepoint(job, directory.toUri().toString(), false, SavepointFormatType.CANONICAL));
    }

    @Override
    public void close() {
        try {
            if (cluster.isRunning() && !status().isGloballyTerminalState()) {
                get(cluster.cancelJob(job));
                get(cluster.requestJobResult(job));
            }
        } finally {
            cluster.closeAsync().join();
        }
    }

    private static <T> T get(CompletableFuture<T> future) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for the embedded Flink cluster", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(RootCause.message(e), e);
        }
    }
}
