package io.millrace.job.eval;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * Right answers among those that were judged.
 *
 * @param right of {@code count}
 */
public record Score(@JsonProperty("right") int right, @JsonProperty("count") int count) {
    static final Score NONE = new Score(0, 0);

    Score plus(boolean correct) {
        return new Score(right + (correct ? 1 : 0), count + 1);
    }

    Score plus(Score other) {
        return new Score(right + other.right, count + other.count);
    }

    /** 0 when nothing was judged. */
    @JsonProperty("percent")
    public double percent() {
        return count == 0 ? 0 : 100.0 * right / count;
    }

    /** Whether so many percent are right; nothing reaches no bar. */
    boolean reaches(int bar) {
        return count > 0 && 100L * right >= (long) bar * count;
    }
}
