package io.millrace.operator;

import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** A running job that answers a {@link PromptFeed} to a {@link JobOutput}, on the cluster of the test. */
final class LlamaJob implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 60;

    private final JobClient client;

    private LlamaJob(JobClient client) {
        this.client = client;
    }

    /** Starts the job. {@code options} are Millrace's and Flink's. */
    static LlamaJob start(Configuration options, int parallelism, PromptFeed feed, JobOutput output) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(options);
        env.setParallelism(parallelism);
        output.of(Llama.onInputs(feed.in(env)).options(options).build());
        return new LlamaJob(env.executeAsync());
    }

    /** Starts the job from a savepoint; what a feed other than this one had left in it does not matter. */
    static LlamaJob restore(String savepoint, Configuration options, int parallelism, PromptFeed feed, JobOutput output)
            throws Exception {
        Configuration restored = new Configuration(options);
        restored.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
        restored.set(StateRecoveryOptions.SAVEPOINT_IGNORE_UNCLAIMED_STATE, true);
        return start(restored, parallelism, feed, output);
    }

    /** Begins a savepoint, after which the job goes on. */
    CompletableFuture<String> savepoint(Path savepoints) {
        return client.triggerSavepoint(savepoints.toUri().toString(), SavepointFormatType.CANONICAL);
    }

    /** Begins a stop with a savepoint; with drain everything accepted is answered before. */
    CompletableFuture<String> stop(Path savepoints, boolean drain) {
        return client.stopWithSavepoint(drain, savepoints.toUri().toString(), SavepointFormatType.CANONICAL);
    }

    /** Stops with a savepoint and returns its path. */
    String stopped(Path savepoints, boolean drain) throws Exception {
        String savepoint = stop(savepoints, drain).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        client.getJobExecutionResult().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        return savepoint;
    }

    @Override
    public void close() {
        if (!client.getJobStatus().join().isGloballyTerminalState()) {
            client.cancel().join();
            client.getJobExecutionResult().handle((_, _) -> true).join();
        }
    }
}
