package io.millrace.training.network;

/**
 * The learning rate over a run: it rises evenly to its peak, then falls along half a cosine to its floor (Loshchilov and
 * Hutter 2017), where it stays.
 *
 * @param warmUp steps until the peak
 * @param steps steps until the floor
 * @param peak the highest learning rate
 * @param floor the last learning rate
 */
public record Schedule(int warmUp, int steps, float peak, float floor) {

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
        double progress = (double) (step - warmUp) / (steps - warmUp);
        return (float) (floor + (peak - floor) * (1 + StrictMath.cos(Math.PI * progress)) / 2);
    }
}
