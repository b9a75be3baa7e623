/** A small random model: what tests and the demonstration run when there is no trained model. */
@NullMarked
package io.millrace.runtime.weights.sample;

import org.jspecify.annotations.NullMarked;
