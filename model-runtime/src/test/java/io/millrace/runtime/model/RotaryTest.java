package io.millrace.runtime.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.runtime.weights.LlamaConfig;
import io.millrace.runtime.weights.RotaryLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RotaryTest {
    private static final LlamaConfig CONFIG = new LlamaConfig(1, 8, 8, 1, 1, 8, 10, 100_000, 1e-5f, 10000);
    private static final float[] DIVISORS = {1, 1, 2, 8};

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 50, 255, 256, 8191, 99_999})
    void turnsEachPairByItsAngle(int position) {
        Rotary rotary = new Rotary(CONFIG, DIVISORS, RotaryLayout.INTERLEAVED, 2);
        rotary.position(1, position);
        float[] out = new float[9];
        rotary.rotate(1, new float[]{1, 0, 0, 1, 3, 4, 1, 0}, 0, 0.5f, out, 1);
        double[] angles = {position, position * 0.1, position * 0.01 / 2, position * 0.001 / 8};
        double[] expected = {0, Math.cos(angles[0]), Math.sin(angles[0]), -Math.sin(angles[1]), Math.cos(angles[1]),
                3 * Math.cos(angles[2]) - 4 * Math.sin(angles[2]), 3 * Math.sin(angles[2]) + 4 * Math.cos(angles[2]),
                Math.cos(angles[3]), Math.sin(angles[3])};
        for (int i = 0; i < 9; i++) {
            assertThat((double) out[i]).isCloseTo(expected[i] * 0.5, within(1e-6));
        }
    }

    @Test
    void headsInHalvesComeOutAsThoseInPairs() {
        float[] pairs = {1, 2, 3, 4, 5, 6, 7, 8};
        float[] halves = {1, 3, 5, 7, 2, 4, 6, 8};
        float[] fromPairs = new float[8];
        float[] fromHalves = new float[8];
        Rotary interleaved = new Rotary(CONFIG, DIVISORS, RotaryLayout.INTERLEAVED, 1);
        Rotary split = new Rotary(CONFIG, DIVISORS, RotaryLayout.HALVES, 1);
        interleaved.position(0, 17);
        split.position(0, 17);
        interleaved.rotate(0, pairs, 0, 1, fromPairs, 0);
        split.rotate(0, halves, 0, 1, fromHalves, 0);
        assertThat(fromHalves).isEqualTo(fromPairs);
    }
}
