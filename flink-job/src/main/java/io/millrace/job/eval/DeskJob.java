package io.millrace.job.eval;

import io.millrace.job.embedded.EmbeddedJob;
import io.millrace.operator.MillraceOptions;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.jspecify.annotations.Nullable;

/** The job as many short turns want it. */
public final class DeskJob {
    private static final Duration START_LIMIT = Duration.ofMinutes(10);

    private DeskJob() {}

    /**
     * Starts the job with a model on a broker of its own.
     *
     * @param threads that compute; 0 takes every core
     * @param weightsCacheDir the job's setting; null leaves it to the default
     * @param directory for its state
     */
    public static EmbeddedJob start(Path model, int threads, @Nullable String weightsCacheDir, Path directory)
            throws InterruptedException {
        Configuration options = new Configuration()
                .set(MillraceOptions.MODEL, model.toAbsolutePath().toString())
                .set(MillraceOptions.THREADS, threads)
                // An exchange's answer appears with a checkpoint, and the next one waits for it.
                .set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(250))
                .set(RestOptions.ENABLE_FLAMEGRAPH, false);
        if (weightsCacheDir != null) {
            options.set(MillraceOptions.WEIGHTS_CACHE_DIR, weightsCacheDir);
        }
        return EmbeddedJob.start(options, directory, START_LIMIT);
    }
}
