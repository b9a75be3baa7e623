package io.millrace.job.chaos;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a run does.
 *
 * @param spread time over which the turns begin
 * @param model a model file; null for a sample that is written for the run
 */
record ChaosPlan(Script script, Duration spread, Schedule schedule, int taskManagers, Backend backend,
        @Nullable Path model) {
    /** With which a run begins. */
    static final int PARALLELISM = 2;

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
