/**
 * Continuous batching. One engine per process and model; one thread plans and steps, callers submit from any thread and
 * hear of each token through a listener.
 */
@NullMarked
package io.millrace.runtime.engine;

import org.jspecify.annotations.NullMarked;
