package io.millrace.job.bench.load;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class LoadRatesTest {
    private static final long SECOND = 1_000_000_000;

    private static TurnTimes turn(long sentSeconds, long firstSeconds, long lastSeconds) {
        return new TurnTimes(0, 1, 50, 11, sentSeconds * SECOND, firstSeconds * SECOND, lastSeconds * SECOND);
    }

    @Test
    void aRoundLastsFromItsFirstPromptToItsLastAnswer() {
        LoadRates rates = LoadRates.of(List.of(List.of(turn(3, 5, 9), turn(1, 2, 4), turn(2, 10, 12))));

        assertThat(rates.tokensPerSecond()).isEqualTo(3);
        assertThat(rates.min()).isEqualTo(3);
        assertThat(rates.max()).isEqualTo(3);
    }

    @Test
    void theRateIsThatOfTheMedianRound() {
        LoadRates rates = LoadRates
                .of(List.of(List.of(turn(0, 1, 11)), List.of(turn(20, 21, 25)), List.of(turn(30, 31, 32))));

        assertThat(rates.tokensPerSecond()).isEqualTo(2.2);
        assertThat(rates.min()).isEqualTo(1);
        assertThat(rates.max()).isEqualTo(5.5);
    }

    @Test
    void latenciesAreThoseOfAllTurns() {
        LoadRates rates = LoadRates.of(List.of(List.of(turn(0, 1, 11), turn(0, 2, 12)), List.of(turn(0, 3, 13))));

        assertThat(rates.firstToken()).isEqualTo(new Percentiles(2000, 3000, 3000));
        assertThat(rates.perToken()).isEqualTo(new Percentiles(1000, 1000, 1000));
    }

    @Test
    void anAnswerOfOneTokenHasNoTimePerToken() {
        assertThat(new TurnTimes(0, 1, 50, 1, 0, SECOND, SECOND).perTokenMillis()).isZero();
    }
}
