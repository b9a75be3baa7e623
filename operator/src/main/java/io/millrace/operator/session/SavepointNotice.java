package io.millrace.operator.session;

import org.apache.flink.runtime.operators.coordination.OperatorEvent;

/** Says to a subtask that the barrier of this savepoint is on its way. */
record SavepointNotice(long checkpointId) implements OperatorEvent {
    private static final long serialVersionUID = 1L;

    /** A savepoint that was not announced takes longer, and holds the same. */
    @Override
    public boolean isLossTolerant() {
        return true;
    }
}
