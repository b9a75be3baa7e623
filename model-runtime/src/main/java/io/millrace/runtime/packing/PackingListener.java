package io.millrace.runtime.packing;

/** Hears how far the packing of a model's weights is. Calls come from any thread, one at a time. */
@FunctionalInterface
public interface PackingListener {
    /** For whom nobody waits. */
    PackingListener NONE = (done, total) -> {};

    /**
     * More is packed.
     *
     * @param done bytes of packed weights so far; the first call says 0, the last one says {@code total}
     * @param total bytes there will be
     */
    void packed(long done, long total);

    /** Another process, or another engine of this one, packs the same weights; its work is waited for and then used. */
    default void waiting() {}
}
