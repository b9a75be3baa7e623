package io.millrace.job.cli;

/** Checks of the numbers that options take. */
final class Numbers {
    private Numbers() {}

    static void requirePositive(String option, int value) {
        if (value < 1) {
            throw new InvalidInput(option + ": " + value + " is not 1 or more");
        }
    }
}
