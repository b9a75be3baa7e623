/**
 * The Llama decoder: one forward pass over a batch of rows, each a token at a position of some sequence.
 */
@NullMarked
package io.millrace.runtime.model;

import org.jspecify.annotations.NullMarked;
