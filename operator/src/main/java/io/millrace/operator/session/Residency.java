package io.millrace.operator.session;

import io.millrace.runtime.engine.Engine;
import io.millrace.runtime.engine.GenerationListener;
import io.millrace.runtime.engine.GenerationRequest;
import io.millrace.runtime.engine.GenerationStep;
import io.millrace.runtime.engine.Sequence;

/**
 * A session's stay in the engine, from the opening of its sequence to its release. A session that comes back gets a new one:
 * a report that was under way when the session left belongs to a stay that is over, and is dropped.
 */
final class Residency implements GenerationListener {
    private final LiveSession session;
    private final Engine engine;
    private final EngineInbox inbox;
    private final Sequence sequence;

    Residency(LiveSession session, Engine engine, EngineInbox inbox) {
        this.session = session;
        this.engine = engine;
        this.inbox = inbox;
        this.sequence = engine.open(session.key, this);
    }

    LiveSession session() {
        return session;
    }

    Sequence sequence() {
        return sequence;
    }

    /** False once the session has left: what is reported of this stay then means nothing. */
    boolean current() {
        return session.residency() == this;
    }

    /** Throws {@link IllegalArgumentException} when the turn can never fit. */
    void submit(GenerationRequest request) {
        engine.submit(sequence, request);
    }

    /** Cancels the running turn, if any, and gives the blocks back. */
    void release() {
        engine.release(sequence);
    }

    @Override
    public void onStep(GenerationStep step) {
        inbox.put(new EngineInbox.Report.Step(this, step));
    }

    @Override
    public void onEvictionRequest() {
        inbox.put(new EngineInbox.Report.Eviction(this));
    }

    @Override
    public void onSavedKvLost() {
        inbox.put(new EngineInbox.Report.Lost(this));
    }

    @Override
    public void onEngineFailure(Throwable cause) {
        inbox.put(new EngineInbox.Report.Failure(cause));
    }
}
