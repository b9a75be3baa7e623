package io.millrace.training.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ScheduleTest {
    private final Schedule schedule = new Schedule(10, 110, 1, 0.1f);

    @Test
    void theRateRisesEvenlyToItsPeak() {
        assertThat(schedule.rate(0)).isEqualTo(0.1f);
        assertThat(schedule.rate(4)).isEqualTo(0.5f);
        assertThat(schedule.rate(9)).isEqualTo(1);
        assertThat(schedule.rate(10)).isEqualTo(1);
    }

    @Test
    void thereItStaysUntilTheLastQuarterInWhichItFallsEvenlyToItsFloor() {
        Schedule schedule = new Schedule(10, 400, 1, 0.1f);
        assertThat(schedule.rate(11)).isEqualTo(1);
        assertThat(schedule.rate(300)).isEqualTo(1);
        assertThat(schedule.rate(301)).isCloseTo(0.991f, within(1e-6f));
        assertThat(schedule.rate(350)).isCloseTo(0.55f, within(1e-6f));
        assertThat(schedule.rate(400)).isEqualTo(0.1f);
        assertThat(schedule.rate(1000)).isEqualTo(0.1f);
    }

    @Test
    void aLongerRunIsTheSameUntilTheShorterOneFalls() {
        for (int step = 0; step <= 300; step++) {
            assertThat(new Schedule(10, 4_000, 1, 0.1f).rate(step))
                    .isEqualTo(new Schedule(10, 400, 1, 0.1f).rate(step));
        }
    }

    @Test
    void aWarmUpMayBeLeftOut() {
        assertThat(new Schedule(0, 8, 1, 0).rate(0)).isEqualTo(1);
        assertThat(new Schedule(0, 8, 1, 0).rate(7)).isCloseTo(0.5f, within(1e-6f));
    }

    @Test
    void whatIsNoScheduleIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> new Schedule(5, 5, 1, 0))
                .withMessage("warmUp: 5 of 5 steps; leave steps for the time after it");
        assertThatIllegalArgumentException().isThrownBy(() -> new Schedule(0, 5, 1, 2))
                .withMessage("floor: 2.0 must lie between 0 and the peak, 1.0");
    }
}
