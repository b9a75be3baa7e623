package io.millrace.training.desk;

import java.util.List;

/** Phrases of one kind, those of training and those held out. */
record Split<T>(List<T> train, List<T> heldOut) {
    Split {
        train = List.copyOf(train);
        heldOut = List.copyOf(heldOut);
    }

    List<T> of(Part part) {
        return switch (part) {
            case TRAIN -> train;
            case HELD_OUT -> heldOut;
        };
    }
}
