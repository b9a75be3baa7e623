/**
 * From logits to a token: penalties, truncation and a draw from a counter-based generator, a function of seed and position.
 */
@NullMarked
package io.millrace.runtime.sampling;

import org.jspecify.annotations.NullMarked;
