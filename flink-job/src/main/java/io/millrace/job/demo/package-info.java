/**
 * The support desk of a shop through the embedded broker and cluster: {@link io.millrace.job.demo.Demo} sends its customers' messages
 * and reads answers over Kafka, as any client would, and {@link io.millrace.job.demo.DemoScreen} shows them.
 */
@NullMarked
package io.millrace.job.demo;

import org.jspecify.annotations.NullMarked;
