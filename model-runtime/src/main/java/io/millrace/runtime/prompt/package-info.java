/**
 * Llama 3.1's prompt format: messages and tools to token ids, and the model's answer back to content and tool calls.
 */
@NullMarked
package io.millrace.runtime.prompt;

import org.jspecify.annotations.NullMarked;
