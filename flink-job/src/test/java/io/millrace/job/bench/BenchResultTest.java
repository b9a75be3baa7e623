package io.millrace.job.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.job.bench.Rates.Limit;
import org.junit.jupiter.api.Test;

class BenchResultTest {
    private static final MachineLimits LIMITS = new MachineLimits(20, 200);

    private static BenchResult of(long bytes, long operations, double... seconds) {
        return BenchResult.of("tg64", 0, 4, 100, bytes, operations, seconds, LIMITS);
    }

    @Test
    void ratesAreThoseOfTheMedianRepetition() {
        BenchResult result = of(2_000_000_000L, 6_000_000_000L, 4, 1, 2);

        assertThat(result.tokensPerSecond()).isEqualTo(50);
        assertThat(result.min()).isEqualTo(25);
        assertThat(result.max()).isEqualTo(100);
        assertThat(result.rates().gbPerSecond()).isEqualTo(1);
        assertThat(result.rates().gflopPerSecond()).isEqualTo(3);
    }

    @Test
    void theMedianOfAnEvenNumberIsBetweenTheMiddleTwo() {
        assertThat(of(1, 1, 10, 1, 3, 2).tokensPerSecond()).isEqualTo(40);
    }

    @Test
    void theShareIsOfTheLimitThatBinds() {
        BenchResult reading = of(10_000_000_000L, 20_000_000_000L, 1);
        BenchResult multiplying = of(1_000_000_000L, 150_000_000_000L, 1);

        assertThat(reading.rates().share()).isEqualTo(0.5);
        assertThat(reading.rates().shareOf()).isEqualTo(Limit.MEMORY);
        assertThat(multiplying.rates().share()).isEqualTo(0.75);
        assertThat(multiplying.rates().shareOf()).isEqualTo(Limit.FMA);
    }

    @Test
    void withoutLimitsThereIsNoShare() {
        Rates rates = Rates.of(1_000_000_000L, 2_000_000_000L, 1, null);

        assertThat(rates).isEqualTo(new Rates(1, 2, null, null));
        assertThat(rates.describeShare()).isEmpty();
    }
}
