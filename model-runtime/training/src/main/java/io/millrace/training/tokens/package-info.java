/**
 * The corpus as token ids: learns the vocabulary, encodes dialogues as the runtime encodes prompts, and marks what is to be
 * predicted.
 */
@NullMarked
package io.millrace.training.tokens;

import org.jspecify.annotations.NullMarked;
