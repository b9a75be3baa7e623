/**
 * Keyed state of a session: its record, the queue of its prompts and its KV blocks. Everything here belongs to the task
 * thread and acts on the current key.
 */
@NullMarked
package io.millrace.operator.state;

import org.jspecify.annotations.NullMarked;
