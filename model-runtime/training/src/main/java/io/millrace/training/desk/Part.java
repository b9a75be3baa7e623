package io.millrace.training.desk;

/** A side of the data. What one side's dialogues are made of does not occur in the other's. */
public enum Part {
    TRAIN, HELD_OUT
}
