/** Writes model files: tensors encoded as their type stores them, GGUF around them. The counterpart of what the parent package reads. */
@NullMarked
package io.millrace.runtime.weights.export;

import org.jspecify.annotations.NullMarked;
