package io.millrace.runtime.shard;

/** The draws of a step. */
@FunctionalInterface
public interface DrawnRows {
    /** What was drawn from a row of logits; undefined for rows behind the first draft that was not drawn. */
    Draw row(int row);
}
