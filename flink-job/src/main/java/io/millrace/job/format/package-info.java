/**
 * Events as bytes: JSON and Avro single-object encoding of the records in {@link io.millrace.schemas}.
 */
@NullMarked
package io.millrace.job.format;

import org.jspecify.annotations.NullMarked;
