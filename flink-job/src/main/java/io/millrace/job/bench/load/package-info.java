/**
 * Conversations as load: {@link io.millrace.job.bench.load.KafkaLoad} holds them through Kafka and the job,
 * {@link io.millrace.job.bench.load.EngineLoad} the same on an engine alone, and
 * {@link io.millrace.job.bench.load.EndToEndBench} sets one against the other.
 */
@NullMarked
package io.millrace.job.bench.load;

import org.jspecify.annotations.NullMarked;
