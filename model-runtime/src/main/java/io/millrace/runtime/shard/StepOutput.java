package io.millrace.runtime.shard;

/** What a stage makes of a micro-batch: the next stage's input, or behind the last layer tokens. */
public sealed interface StepOutput permits MicroBatch, DrawnTokens {}
