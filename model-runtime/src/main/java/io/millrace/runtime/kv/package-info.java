/**
 * The KV cache: an off-heap arena of fixed blocks of 16 positions and the block table that maps a sequence's positions to
 * them. The pool belongs to the engine thread; positions that a sequence has computed never change.
 */
@NullMarked
package io.millrace.runtime.kv;

import org.jspecify.annotations.NullMarked;
