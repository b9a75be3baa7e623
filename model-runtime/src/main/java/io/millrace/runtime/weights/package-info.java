/**
 * Model files, checked at the border and mapped: a GGUF file (or its splits) and a Hugging Face safetensors directory both
 * become {@link io.millrace.runtime.weights.LlamaWeights}, of which only the layers that a shard computes are
 * mapped. Whoever opens the weights closes them; every tensor is a view into the mapping and lives as long as it.
 */
@NullMarked
package io.millrace.runtime.weights;

import org.jspecify.annotations.NullMarked;
