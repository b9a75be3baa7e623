package io.millrace.runtime.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PhiloxTest {
    @Test
    void givesTheKnownAnswersOfItsAuthorsLibrary() {
        // Random123, kat_vectors, "philox4x32 10": the first two of four words.
        assertThat(Philox.block(0, 0, 0)).isEqualTo(0xe169c58d_6627e8d5L);
        assertThat(Philox.block(-1, -1, -1)).isEqualTo(0x41c83b0e_408f276dL);
        assertThat(Philox.block(0x299f31d0_a4093822L, 0x85a308d3_243f6a88L, 0x03707344_13198a2eL))
                .isEqualTo(0x94fdcceb_d16cfe09L);
    }

    @Test
    void drawsAreUniformOverPositionsOfOneSeed() {
        assertUniform(7, 0, 0, 1);
    }

    @Test
    void drawsAreUniformOverNeighbouringSeedsAtOnePosition() {
        assertUniform(0, 1, 40, 0);
    }

    private static void assertUniform(long seed, int seedStep, long position, int positionStep) {
        int[] bins = new int[100];
        for (int i = 0; i < 100_000; i++) {
            double u = Philox.uniform(seed + (long) i * seedStep, position + (long) i * positionStep);
            assertThat(u).isGreaterThanOrEqualTo(0).isLessThan(1);
            bins[(int) (u * bins.length)]++;
        }
        double chiSquare = 0;
        for (int count : bins) {
            chiSquare += (count - 1000.0) * (count - 1000.0) / 1000.0;
        }
        // 99 degrees of freedom: 1 in 10,000 good generators exceeds 161, and as few fall below 53.
        assertThat(chiSquare).isBetween(53.0, 161.0);
    }
}
