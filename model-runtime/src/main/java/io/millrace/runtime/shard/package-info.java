/**
 * What a shard does of a step. A model whose layers are shared out among processes is a pipeline: the engine's process plans,
 * embeds and computes the first layers, each {@link io.millrace.runtime.shard.Stage} the next ones, and the last stage draws.
 * The engine sends {@link io.millrace.runtime.shard.MicroBatch}es and gets {@link io.millrace.runtime.shard.DrawnTokens} back; how
 * they travel is not known here. A stage keeps the blocks that the engine tells it to and decides nothing.
 */
@NullMarked
package io.millrace.runtime.shard;

import org.jspecify.annotations.NullMarked;
