package io.millrace.operator.shard;

import io.millrace.operator.shard.ShardMessage.Drawn;
import java.util.Objects;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.jspecify.annotations.Nullable;

/** Takes what the last stage drew to the session operator, which runs in the same slot. */
final class ReturnOperator extends AbstractStreamOperator<Void> implements OneInputStreamOperator<ShardMessage, Void> {
    private static final long serialVersionUID = 1L;

    private final String pipeline;
    private transient @Nullable TaskManagerLease<Feedback> feedback;

    private ReturnOperator(StreamOperatorParameters<Void> parameters, String pipeline) {
        super(parameters);
        this.pipeline = pipeline;
    }

    @Override
    public void open() throws Exception {
        super.open();
        feedback = Feedback.lease(getContainingTask().getEnvironment().getSharedResources(), getRuntimeContext(),
                pipeline);
    }

    @Override
    public void processElement(StreamRecord<ShardMessage> element) {
        if (element.getValue() instanceof Drawn(_, var tokens)) {
            Objects.requireNonNull(feedback, "the operator is not open").resource().deliver(tokens);
        }
    }

    @Override
    public void close() throws Exception {
        try {
            if (feedback != null) {
                feedback.release();
            }
        } finally {
            super.close();
        }
    }

    /** Makes return operators. */
    static final class Factory extends AbstractStreamOperatorFactory<Void>
            implements
                OneInputStreamOperatorFactory<ShardMessage, Void> {
        private static final long serialVersionUID = 1L;

        private final String pipeline;

        Factory(String pipeline) {
            this.pipeline = pipeline;
        }

        @Override
        @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // The interface declares it so.
        public <T extends StreamOperator<Void>> T createStreamOperator(StreamOperatorParameters<Void> parameters) {
            return (T) new ReturnOperator(parameters, pipeline);
        }

        @Override
        @SuppressWarnings("rawtypes") // As in the interface.
        public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
            return ReturnOperator.class;
        }
    }
}
