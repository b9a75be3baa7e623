package io.millrace.runtime.engine;

/** Why a generation ended. */
public enum FinishReason {
    /** A stop token or a stop string. */
    STOP,
    /** The limit of new tokens, or the context, is reached. */
    LENGTH,
    /** The caller cancelled it. */
    CANCELLED,
    /** Its deadline passed. */
    DEADLINE,
    /** It failed alone: no finite logits, or it can never fit the cache. The step's message says which. */
    ERROR
}
