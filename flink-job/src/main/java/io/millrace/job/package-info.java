/** The Kafka job: source, operator and sinks tied together. */
@NullMarked
package io.millrace.job;

import org.jspecify.annotations.NullMarked;
