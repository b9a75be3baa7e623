/** The decoder with its derivatives, in f32: parameters, forward and backward pass, AdamW. */
@NullMarked
package io.millrace.training.network;

import org.jspecify.annotations.NullMarked;
