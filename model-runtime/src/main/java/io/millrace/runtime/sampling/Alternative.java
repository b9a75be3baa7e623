package io.millrace.runtime.sampling;

/** A token that might have been drawn, and its natural-log probability. */
public record Alternative(int token, float logprob) {}
