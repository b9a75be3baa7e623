package io.millrace.runtime.sampling;

/** No token can be drawn: every logit is NaN or infinite. It concerns one sequence; others in the batch are sound. */
public final class NoFiniteLogitsException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public NoFiniteLogitsException(int position) {
        super("no finite logits for position " + position
                + ": the weights or this sequence's activations hold NaN or overflowed");
    }
}
