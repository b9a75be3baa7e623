package io.millrace.training.network;

/**
 * The learning rate over a run: it rises evenly to its peak, stays there, and in the last quarter falls evenly to its floor,
 * where it stays (Hu et al. 2024, MiniCPM, section 4, which found it as good as a cosine). Until the fall a run does not
 * depend on its length: a longer one goes on from there.
 *
 * @param warmUp steps until the peak
 * @param steps steps until the floor
 * @param peak the highest learning rate
 * @param floor the last learning rate
 */
public record Schedule(int warmUp, int steps, float peak, float floor) {
    private static final double FALL = 0.25;

    /** @throws IllegalArgumentException when there is no such schedule */
    public Schedule {
        if (warmUp < 0 || steps <= warmUp) {
            throw new IllegalArgumentException(
                    "warmUp: " + warmUp + " of " + steps + " steps; leave steps for the time after it");
        }
        if (!(floor >= 0 && peak >= floor && Float.isFinite(peak))) {
            throw new IllegalArgumentException("floor: " + floor + " must lie between 0 and the peak, " + peak);
        }
    }

    /**
     * The learning rate of a step.
     *
     * @param step from 0
     */
    public float rate(int step) {
        if (step < warmUp) {
            return peak * (step + 1) / warmUp;
        }
        if (step >= steps) {
            return floor;
        }
        double left = (steps - step) / (FALL * steps);
        return left >= 1 ? peak : (float) (floor + (peak - floor) * left);
    }
}
