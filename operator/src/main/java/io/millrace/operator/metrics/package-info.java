/** What the operator measures, under the names that OpenTelemetry's GenAI conventions and vLLM gave. */
@NullMarked
package io.millrace.operator.metrics;

import org.jspecify.annotations.NullMarked;
