/**
 * How good a model is at the support desk: {@link io.millrace.job.eval.DialoguePlayer} plays dialogues through the running job,
 * Kafka to Kafka, and {@link io.millrace.job.eval.Evaluation} counts which of its answers are right.
 */
@NullMarked
package io.millrace.job.eval;

import org.jspecify.annotations.NullMarked;
