/**
 * The real thing made small: a Kafka broker and a Flink cluster in this JVM, on the loopback interface, for the demo, for
 * trying things out and for tests.
 */
@NullMarked
package io.millrace.job.embedded;

import org.jspecify.annotations.NullMarked;
