/**
 * Llama 3's byte-level BPE between text and token ids. Plain text can never become a control token: only
 * {@link io.millrace.runtime.tokenizer.SpecialTokens} hands those out.
 */
@NullMarked
package io.millrace.runtime.tokenizer;

import org.jspecify.annotations.NullMarked;
