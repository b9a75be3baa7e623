/**
 * Conversations through a real Kafka broker and a real Flink cluster, every part a process of its own, while a seeded
 * schedule kills, restarts and rescales them. What readers of the output topics saw is compared with a run that nothing
 * disturbed. Behind {@code millrace chaos}, and run for a few events by a test.
 */
@NullMarked
package io.millrace.job.chaos;

import org.jspecify.annotations.NullMarked;
