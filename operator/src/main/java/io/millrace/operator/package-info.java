/**
 * Llama as a Flink operator: its inputs and its settings, {@link io.millrace.operator.MillraceOptions}.
 */
@NullMarked
package io.millrace.operator;

import org.jspecify.annotations.NullMarked;
