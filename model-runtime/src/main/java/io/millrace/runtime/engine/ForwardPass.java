package io.millrace.runtime.engine;

import io.millrace.runtime.model.Batch;

/** What computes a step; a {@link io.millrace.runtime.model.Decoder} but in tests. */
@FunctionalInterface
interface ForwardPass {
    /**
     * Computes the keys and values of a batch, and its logits. When it throws, the positions of the batch are not computed, and
     * may be computed again.
     */
    void compute(Batch batch);
}
