package io.millrace.job.chaos;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a run does.
 *
 * @param spread time over which the turns begin
 * @param shards over which the disturbed run's model is shared out; the undisturbed one's is whole
 * @param model a model file; null for a sample that is written for the run
 */
record ChaosPlan(Script script, Duration spread, Schedule schedule, int taskManagers, int shards, Backend backend,
        @Nullable Path model) {
    /** With which an undisturbed run begins, and a disturbed one of the whole model. */
    static final int PARALLELISM = 2;

    /** With which the disturbed run begins. */
    int parallelism() {
        return shards == 1 ? PARALLELISM : 1;
    }

    /** Where sessions are kept between checkpoints. */
    enum Backend {
        ROCKSDB, HEAP;

        /** As Flink calls it. */
        String setting() {
            return this == HEAP ? "hashmap" : "rocksdb";
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
