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

    /**
     * What {@link GenerationRequest#cached} gave was missing in another shard, and all of the turn is computed again. What was
     * saved is not worth being offered again. Never called by an engine of a whole model.
     */
    default void onSavedKvLost() {}

    /** The engine died; no further call follows. The process should fail over. */
    void onEngineFailure(Throwable cause);
}
