package io.millrace.job.bench.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PercentilesTest {

    @Test
    void theyAreValuesOfTheirRank() {
        assertThat(Percentiles.of(IntStream.rangeClosed(1, 200).map(i -> 201 - i).asDoubleStream()))
                .isEqualTo(new Percentiles(100, 190, 198));
    }

    @Test
    void ofOneValueTheyAreIt() {
        assertThat(Percentiles.of(DoubleStream.of(7))).isEqualTo(new Percentiles(7, 7, 7));
    }

    @Test
    void ofNothingThereAreNone() {
        assertThatIllegalArgumentException().isThrownBy(() -> Percentiles.of(DoubleStream.empty()));
    }
}
