package io.millrace.job.chaos;

import io.millrace.job.MillraceJob;
import io.millrace.job.RootCause;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.client.program.rest.RestClusterClient;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.HighAvailabilityOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.execution.ExecutionState;
import org.apache.flink.runtime.rest.messages.EmptyMessageParameters;
import org.apache.flink.runtime.rest.messages.EmptyRequestBody;
import org.apache.flink.runtime.rest.messages.ClusterOverviewHeaders;
import org.apache.flink.runtime.rest.messages.job.JobDetailsInfo;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.jspecify.annotations.Nullable;

/** The job on the cluster, by the cluster's REST interface. Used and closed by one thread. */
final class ChaosJob implements AutoCloseable {
    private static final Duration START_LIMIT = Duration.ofMinutes(3);
    private static final Duration ANSWER_LIMIT = Duration.ofMinutes(2);
    private static final Duration POLL = Duration.ofMillis(200);

    private final Configuration options;
    private final String savepoints;
    private final RestClusterClient<String> client;
    private JobID id = new JobID();

    /**
     * @param options of cluster and job
     * @param savepoints where savepoints are written, a URI
     */
    ChaosJob(Configuration options, String savepoints) throws Exception {
        this.options = options;
        this.savepoints = savepoints;
        Configuration rest = new Configuration(options);
        // The address stays the same, whoever leads.
        rest.removeConfig(HighAvailabilityOptions.HA_MODE);
        client = new RestClusterClient<>(rest, "millrace-chaos");
    }

    /** Waits until this many task managers are there. */
    void awaitTaskManagers(int count) throws Exception {
        long deadline = System.nanoTime() + START_LIMIT.toNanos();
        while (taskManagers() < count) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("the cluster has " + taskManagers() + " of " + count
                        + " task managers after " + START_LIMIT.toSeconds() + " s");
            }
            TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
        }
    }

    private int taskManagers() throws Exception {
        try {
            return client.sendRequest(ClusterOverviewHeaders.getInstance(), EmptyMessageParameters.getInstance(),
                    EmptyRequestBody.getInstance()).get(10, TimeUnit.SECONDS).getNumTaskManagersConnected();
        } catch (ExecutionException | TimeoutException e) {
            // The job manager is not up yet.
            return 0;
        }
    }

    /** Starts the job, from a savepoint if there is one, and returns when all its tasks run. */
    void start(int parallelism, @Nullable String savepoint) throws Exception {
        Configuration config = new Configuration(options);
        config.set(CoreOptions.DEFAULT_PARALLELISM, parallelism);
        if (savepoint != null) {
            config.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
        }
        StreamExecutionEnvironment env = new StreamExecutionEnvironment(config);
        MillraceJob.define(env);
        id = await(client.submitJob(env.getStreamGraph().getJobGraph()));
        long deadline = System.nanoTime() + START_LIMIT.toNanos();
        while (!runs()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException(
                        "the job does not run after " + START_LIMIT.toSeconds() + " s: it is " + status());
            }
            TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
        }
    }

    private boolean runs() throws Exception {
        JobDetailsInfo details = await(client.getJobDetails(id));
        return details.getJobStatus() == JobStatus.RUNNING && details.getJobVertexInfos().stream()
                .allMatch(vertex -> vertex.getExecutionState() == ExecutionState.RUNNING);
    }

    JobStatus status() throws Exception {
        return await(client.getJobStatus(id));
    }

    /** Begins to stop with a savepoint, without drain; the result is the savepoint's path, or why there is none. */
    CompletableFuture<String> stop() {
        return client.stopWithSavepoint(id, false, savepoints, SavepointFormatType.CANONICAL);
    }

    /** Waits until the job that was stopped is over. */
    void awaitEnd() throws Exception {
        await(client.requestJobResult(id));
    }

    static <T> T await(CompletableFuture<T> future) throws Exception {
        try {
            return future.get(ANSWER_LIMIT.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw new IllegalStateException(RootCause.message(e), e);
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
