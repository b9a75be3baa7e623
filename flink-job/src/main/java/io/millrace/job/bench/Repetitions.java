package io.millrace.job.bench;

import java.util.Arrays;

/** What the repetitions of a test took, in seconds. */
record Repetitions(double shortest, double median, double longest) {

    /** @param seconds of each repetition, at least one */
    static Repetitions of(double[] seconds) {
        double[] sorted = seconds.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Repetitions(sorted[0], median, sorted[sorted.length - 1]);
    }
}
