package io.millrace.runtime.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LogprobsTest {
    @Test
    void areNaturalLogsOfTheSoftmax() {
        float[] row = {(float) Math.log(1), (float) Math.log(5), (float) Math.log(2), (float) Math.log(2)};
        Logprobs logprobs = new Logprobs(4);
        logprobs.of(row, 4);
        assertThat(logprobs.logprob(0)).isCloseTo((float) Math.log(0.5), within(1e-6f));
        assertThat(logprobs.logprob(1)).isCloseTo((float) Math.log(0.2), within(1e-6f));
        assertThat(logprobs.ofLogit(row[0])).isCloseTo((float) Math.log(0.1), within(1e-6f));
    }

    @Test
    void listTheHighestFirstAndTiesByLowerId() {
        float[] row = {1, 3, 7, 3, 7, 0, 7, 2};
        Logprobs logprobs = new Logprobs(8);
        logprobs.of(row, 5);
        assertThat(ids(logprobs)).containsExactly(2, 4, 6, 1, 3);
        logprobs.of(row, 2);
        assertThat(ids(logprobs)).containsExactly(2, 4);
        logprobs.of(row, 0);
        assertThat(ids(logprobs)).isEmpty();
    }

    @Test
    void stayFiniteForLogitsWhoseExponentialsAreNot() {
        float[] row = {-3e38f, 3e38f, 1000, -1000};
        Logprobs logprobs = new Logprobs(4);
        logprobs.of(row, 1);
        assertThat(logprobs.token(0)).isEqualTo(1);
        assertThat(logprobs.logprob(0)).isEqualTo(0);
        logprobs.of(new float[]{-1000, -1000, -1000, -1000}, 1);
        assertThat(logprobs.logprob(0)).isCloseTo((float) Math.log(0.25), within(1e-6f));
    }

    @Test
    void leaveOutLogitsThatAreNotFinite() {
        float[] row = {Float.NaN, 1, Float.NEGATIVE_INFINITY, 1, Float.POSITIVE_INFINITY};
        Logprobs logprobs = new Logprobs(5);
        logprobs.of(row, 5);
        assertThat(ids(logprobs)).containsExactly(1, 3);
        assertThat(logprobs.logprob(0)).isCloseTo((float) Math.log(0.5), within(1e-6f));
    }

    @Test
    void topOfManyEqualsTheSortedOrder() {
        Random random = new Random(3);
        float[] row = new float[5000];
        for (int i = 0; i < row.length; i++) {
            row[i] = random.nextInt(900) / 100f;
        }
        int[] sorted = IntStream.range(0, row.length).boxed()
                .sorted((a, b) -> row[a] != row[b] ? Float.compare(row[b], row[a]) : Integer.compare(a, b))
                .mapToInt(i -> i).limit(20).toArray();
        Logprobs logprobs = new Logprobs(row.length);
        logprobs.of(row, 20);
        assertThat(ids(logprobs)).containsExactly(sorted);
    }

    private static int[] ids(Logprobs logprobs) {
        int[] ids = new int[logprobs.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = logprobs.token(i);
        }
        return ids;
    }
}
