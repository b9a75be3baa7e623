package io.millrace.operator.session;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.runtime.checkpoint.CheckpointCoordinator;
import org.apache.flink.runtime.checkpoint.PendingCheckpoint;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.operators.coordination.OperatorCoordinator;
import org.apache.flink.runtime.operators.coordination.OperatorEvent;
import org.jspecify.annotations.Nullable;

/**
 * Announces savepoints to the subtasks, from the job manager and before the sources begin them. The barrier of a savepoint never
 * overtakes a record, so a full subtask has to know of it to take in what is in front of it. Nothing of this is state; all is
 * called in the job manager's main thread.
 */
final class SavepointCoordinator implements OperatorCoordinator {
    private static final byte[] NO_STATE = {};

    private final Context context;
    private final Map<Integer, SubtaskGateway> subtasks = new HashMap<>();

    /** Makes the coordinator of an operator. */
    record Provider(OperatorID operatorId) implements OperatorCoordinator.Provider {
        private static final long serialVersionUID = 1L;

        @Override
        public OperatorID getOperatorId() {
            return operatorId;
        }

        @Override
        public OperatorCoordinator create(Context context) {
            return new SavepointCoordinator(context);
        }
    }

    private SavepointCoordinator(Context context) {
        this.context = context;
    }

    /** The checkpoint begins when the subtasks were told, or those that were not are known to have finished. */
    @Override
    public void checkpointCoordinator(long checkpointId, CompletableFuture<byte[]> result) {
        CompletableFuture<?>[] told = isSavepoint(checkpointId)
                ? subtasks.values().stream()
                        .map(subtask -> subtask.sendEvent(new SavepointNotice(checkpointId)).handle((_, _) -> null))
                        .toArray(CompletableFuture<?>[]::new)
                : new CompletableFuture<?>[0];
        var _ = CompletableFuture.allOf(told).thenRun(() -> result.complete(NO_STATE));
    }

    private boolean isSavepoint(long checkpointId) {
        CheckpointCoordinator checkpoints = context.getCheckpointCoordinator();
        PendingCheckpoint pending = checkpoints == null ? null : checkpoints.getPendingCheckpoints().get(checkpointId);
        // Of all kinds of checkpoint just savepoints cannot be subsumed.
        return pending != null && !pending.canBeSubsumed();
    }

    @Override
    public void executionAttemptReady(int subtask, int attemptNumber, SubtaskGateway gateway) {
        subtasks.put(subtask, gateway);
    }

    @Override
    public void executionAttemptFailed(int subtask, int attemptNumber, @Nullable Throwable reason) {
        SubtaskGateway gateway = subtasks.get(subtask);
        if (gateway != null && gateway.getExecution().getAttemptNumber() == attemptNumber) {
            subtasks.remove(subtask);
        }
    }

    @Override
    public void handleEventFromOperator(int subtask, int attemptNumber, OperatorEvent event) {
        throw new IllegalArgumentException("subtasks send no events, but one sent " + event);
    }

    @Override
    public void start() {}

    @Override
    public void subtaskReset(int subtask, long checkpointId) {}

    @Override
    public void resetToCheckpoint(long checkpointId, byte @Nullable [] state) {}

    @Override
    public void notifyCheckpointComplete(long checkpointId) {}

    @Override
    public void close() {}
}
