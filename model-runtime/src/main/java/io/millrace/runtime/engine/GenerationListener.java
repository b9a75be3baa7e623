package io.millrace.runtime.engine;

/**
 * Hears of a sequence's turns. Called on the engine thread: hand over and return, never block, never throw.
 */
public interface GenerationListener {
    /** A step of the running turn; the one with a finish reason is its last. */
    void onStep(GenerationStep step);

    /**
     * The arena is short and this sequence is idle: save what is worth saving with {@link Sequence#readBlock} and then
     * {@link Engine#release} it, soon, from any thread. Not called again until it has run another turn.
     */
    void onEvictionRequest();

    /** The engine died; no further call follows. The process should fail over. */
    void onEngineFailure(Throwable cause);
}
