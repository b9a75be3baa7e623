package io.millrace.training.run;

/**
 * Where a run stands, beside the network's own state.
 *
 * @param stage that is under way
 * @param step of the whole run
 * @param tokens of the whole run
 * @param stageStep of the stage
 * @param stageTokens of the stage
 * @param consumed sequences, or pairs, of the stage's data that were used
 * @param seconds spent so far
 */
record Checkpoint(Stage stage, long step, long tokens, long stageStep, long stageTokens, long consumed,
        double seconds) {

    static Checkpoint start() {
        return new Checkpoint(Stage.PRETRAINING, 0, 0, 0, 0, 0, 0);
    }

    /** The beginning of the stage after this one's. */
    Checkpoint next(Stage following) {
        return new Checkpoint(following, step, tokens, 0, 0, 0, seconds);
    }

    Checkpoint stepped(long batchTokens, long nowConsumed, double nowSeconds) {
        return new Checkpoint(stage, step + 1, tokens + batchTokens, stageStep + 1, stageTokens + batchTokens,
                nowConsumed, nowSeconds);
    }
}
