/**
 * The job's border to Kafka: settings, topics, the source that never fails on a record, and the three sinks.
 */
@NullMarked
package io.millrace.job.kafka;

import org.jspecify.annotations.NullMarked;
