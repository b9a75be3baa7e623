/** The decoder with its derivatives, in f32: parameters, forward and backward pass, optimiser. */
@NullMarked
package io.millrace.training.network;

import org.jspecify.annotations.NullMarked;
