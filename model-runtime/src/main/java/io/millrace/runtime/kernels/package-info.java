/**
 * The arithmetic of the decoder. One small interface with a scalar reference and a Vector API implementation, which agree
 * bit for bit; each output's order of summation is fixed by the model alone, never by batch, chunk or thread.
 */
@NullMarked
package io.millrace.runtime.kernels;

import org.jspecify.annotations.NullMarked;
