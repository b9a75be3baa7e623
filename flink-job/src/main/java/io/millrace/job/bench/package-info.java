/**
 * Measures the decoder alone, without Kafka and Flink: {@link io.millrace.job.bench.DecoderBench} times forward passes,
 * {@link io.millrace.job.bench.MachineLimits} what this machine could do at best, and a
 * {@link io.millrace.job.bench.BenchReport} sets one against the other.
 */
@NullMarked
package io.millrace.job.bench;

import org.jspecify.annotations.NullMarked;
