package io.millrace.runtime.packing;

/** Hears how far the loading of a model's weights is. Calls come from any thread, one at a time. */
@FunctionalInterface
public interface LoadingListener {
    /** For whom nobody waits. */
    LoadingListener NONE = (step, done, total) -> {};

    /** What is done before weights are there; those that need not be done are not heard of. */
    enum Step {
        /** Reads the model's files, to compare their checksums. */
        CHECKING,
        /** Packs the weights. */
        PACKING
    }

    /**
     * More of a step is done. A step ends before the next one begins.
     *
     * @param done bytes so far; the first call of a step says 0, the last one says {@code total}
     * @param total bytes there will be
     */
    void advanced(Step step, long done, long total);

    /** Another process, or another engine of this one, packs the same weights; its work is waited for and then used. */
    default void waiting() {}
}
