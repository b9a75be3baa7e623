package io.millrace.operator.session;

import io.millrace.operator.OperatorSettings;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.state.SessionInput;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

/** Makes {@link SessionOperator}s. */
public final class SessionOperatorFactory extends AbstractStreamOperatorFactory<CompletionEvent>
        implements
            OneInputStreamOperatorFactory<SessionInput, CompletionEvent> {
    private final OperatorSettings settings;

    public SessionOperatorFactory(OperatorSettings settings) {
        this.settings = settings;
    }

    @Override
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // The interface declares it so.
    public <T extends StreamOperator<CompletionEvent>> T createStreamOperator(
            StreamOperatorParameters<CompletionEvent> parameters) {
        return (T) new SessionOperator(parameters, settings);
    }

    @Override
    @SuppressWarnings("rawtypes") // As in the interface.
    public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
        return SessionOperator.class;
    }
}
