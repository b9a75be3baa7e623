/**
 * Conversations as load: {@link io.millrace.job.bench.load.KafkaLoad} holds them through Kafka and the job,
 * {@link io.millrace.job.bench.load.EngineLoad} the same on an engine alone, {@link io.millrace.job.bench.load.DecoderLoad}
 * computes the same positions with nothing but forward passes, and {@link io.millrace.job.bench.load.EndToEndBench} sets one
 * against the others.
 */
@NullMarked
package io.millrace.job.bench.load;

import org.jspecify.annotations.NullMarked;
