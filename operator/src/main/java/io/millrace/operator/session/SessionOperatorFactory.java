package io.millrace.operator.session;

import io.millrace.operator.OperatorSettings;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.state.SessionInput;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.operators.coordination.OperatorCoordinator;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.CoordinatedOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/** Makes {@link SessionOperator}s, and the coordinator that tells them of savepoints. */
public final class SessionOperatorFactory extends AbstractStreamOperatorFactory<CompletionEvent>
        implements
            OneInputStreamOperatorFactory<SessionInput, CompletionEvent>,
            CoordinatedOperatorFactory<CompletionEvent> {
    private final OperatorSettings settings;
    private final String pipeline;
    private final int reportsPerMail;

    /**
     * Makes operators of these settings.
     *
     * @param pipeline name of its shards in the job, its uid
     */
    public SessionOperatorFactory(OperatorSettings settings, String pipeline) {
        this(settings, pipeline, EngineInbox.REPORTS_PER_MAIL);
    }

    SessionOperatorFactory(OperatorSettings settings, String pipeline, int reportsPerMail) {
        this.settings = settings;
        this.pipeline = pipeline;
        this.reportsPerMail = reportsPerMail;
    }

    @Override
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // The interface declares it so.
    public <T extends StreamOperator<CompletionEvent>> T createStreamOperator(
            StreamOperatorParameters<CompletionEvent> parameters) {
        SessionOperator operator = new SessionOperator(parameters, settings, pipeline, reportsPerMail);
        parameters.getOperatorEventDispatcher()
                .registerEventHandler(parameters.getStreamConfig().getOperatorID(), operator);
        return (T) operator;
    }

    @Override
    public OperatorCoordinator.Provider getCoordinatorProvider(String operatorName, OperatorID operatorId) {
        return new SavepointCoordinator.Provider(operatorId);
    }

    @Override
    @SuppressWarnings("rawtypes") // As in the interface.
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
        return SessionOperator.class;
    }
}
