package io.millrace.training.run;

/**
 * How long a stage trains, and how fast.
 *
 * @param tokens that it computes, prompts included; the last batch may pass it by less than one batch
 * @param peak learning rate after warm-up
 * @param floor learning rate at the end
 * @param warmup steps in which the rate rises from 0 to {@code peak}
 */
public record Budget(long tokens, float peak, float floor, int warmup) {

    /** @throws IllegalArgumentException when a number is out of range */
    public Budget {
        if (tokens < 0 || warmup < 0 || !(peak > 0) || !(floor >= 0 && floor <= peak)) {
            throw new IllegalArgumentException("budget: tokens " + tokens + ", peak " + peak + ", floor " + floor
                    + ", warmup " + warmup + " make no schedule");
        }
    }
}
