/**
 * A model whose layers are shared out among task managers. The session operator is the first shard: it owns sessions, tokenizer
 * and engine, and sends {@link io.millrace.operator.shard.ShardMessage}s over Flink's edges from stage to stage; what the last
 * one draws comes to a return operator in the session operator's own slot, which hands it to the engine.
 *
 * <p>Each stage keeps the KV blocks of its layers in its own keyed state, under the same keys and in the same key groups. It
 * writes and reads them when the session operator says so, and all messages that were sent before a checkpoint's barrier are
 * obeyed before it: so for every position that the session operator's part of a checkpoint calls saved, each stage's part has
 * its layers.
 */
@NullMarked
package io.millrace.operator.shard;

import org.jspecify.annotations.NullMarked;
