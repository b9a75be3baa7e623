/** A small random model and the writer of its file: what tests and the demonstration run when there is no trained model. */
@NullMarked
package io.millrace.runtime.weights.sample;

import org.jspecify.annotations.NullMarked;
