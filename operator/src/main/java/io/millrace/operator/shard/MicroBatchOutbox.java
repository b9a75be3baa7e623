package io.millrace.operator.shard;

import io.millrace.operator.shard.ShardMessage.Compute;
import io.millrace.runtime.shard.Downstream;
import io.millrace.runtime.shard.MicroBatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes micro-batches from the engine thread to the task thread, which alone may emit them; in order. */
public final class MicroBatchOutbox implements Downstream {
    private static final Logger LOG = LoggerFactory.getLogger(MicroBatchOutbox.class);

    private final MailboxExecutor mailbox;
    private final int depth;
    private final Consumer<ShardMessage> output;

    /**
     * @param depth micro-batches under way at the same time
     * @param output of the operator, used in the task thread
     */
    public MicroBatchOutbox(MailboxExecutor mailbox, int depth, Consumer<ShardMessage> output) {
        this.mailbox = mailbox;
        this.depth = depth;
        this.output = output;
    }

    @Override
    public int depth() {
        return depth;
    }

    @Override
    public void send(MicroBatch batch) {
        ShardMessage message = new Compute(batch.parts().getFirst().sequence(), batch);
        try {
            mailbox.execute(() -> output.accept(message), "Send a micro-batch to the next shard");
        } catch (RejectedExecutionException e) {
            // The task is closing. What is not sent now is computed again from the last checkpoint, to the same tokens.
            LOG.debug("The mailbox is closed; a micro-batch is dropped", e);
        }
    }
}
