package io.millrace.operator.shard;

import io.millrace.runtime.shard.DrawnTokens;
import java.util.function.Consumer;
import org.apache.flink.runtime.memory.SharedResources;
import org.apache.flink.streaming.api.operators.StreamingRuntimeContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way from the return operator to the session operator in the same slot: the only one against the direction of the stream.
 * Whatever is lost on it the engine sends again after a restore. Any thread.
 */
public final class Feedback implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Feedback.class);

    private volatile @Nullable Consumer<DrawnTokens> engine;

    private Feedback() {}

    /**
     * The channel of a subtask; both ends lease it.
     *
     * @param pipeline its name in the job
     */
    public static TaskManagerLease<Feedback> lease(SharedResources resources, StreamingRuntimeContext context,
            String pipeline) throws Exception {
        return TaskManagerLease.acquire(resources,
                String.join("|", "feedback", context.getJobInfo().getJobId().toString(), pipeline,
                        Integer.toString(context.getTaskInfo().getIndexOfThisSubtask())),
                Feedback::new);
    }

    /** From now on {@code engine} gets what comes, on the return operator's thread. */
    public void connect(Consumer<DrawnTokens> engine) {
        this.engine = engine;
    }

    /** Nobody gets what comes from now on. */
    public void disconnect() {
        engine = null;
    }

    void deliver(DrawnTokens tokens) {
        Consumer<DrawnTokens> receiver = engine;
        if (receiver == null) {
            LOG.debug("Tokens of micro-batch {} came when no engine was there", tokens.number());
        } else {
            receiver.accept(tokens);
        }
    }

    @Override
    public void close() {
        disconnect();
    }
}
