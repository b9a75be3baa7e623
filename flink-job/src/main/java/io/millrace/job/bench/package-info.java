/**
 * Measures what computes, without Kafka and Flink: {@link io.millrace.job.bench.DecoderBench} times forward passes,
 * {@link io.millrace.job.bench.KernelBench} matrix products, {@link io.millrace.job.bench.MachineLimits} what this machine
 * could do at best, and the reports set one against the other.
 */
@NullMarked
package io.millrace.job.bench;

import org.jspecify.annotations.NullMarked;
