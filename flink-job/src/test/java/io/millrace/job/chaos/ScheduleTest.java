package io.millrace.job.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.job.chaos.Disturbance.KillTaskManagers;
import io.millrace.job.chaos.Disturbance.Rescale;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScheduleTest {
    private static final Duration LENGTH = Duration.ofMinutes(20);

    @Test
    void theSeedDecides() {
        assertThat(Schedule.of(1, LENGTH, 2, 1)).isEqualTo(Schedule.of(1, LENGTH, 2, 1))
                .isNotEqualTo(Schedule.of(2, LENGTH, 2, 1));
    }

    @Test
    void twentyMinutesHoldTwentyKillsAndEveryKindOfEvent() {
        Schedule schedule = Schedule.of(1, LENGTH, 2, 1);

        assertThat(schedule.events().stream().mapToInt(event -> event.disturbance().kills()).sum())
                .isGreaterThanOrEqualTo(20);
        assertThat(schedule.events()).extracting(event -> (Object) event.disturbance().getClass()).containsAll(
                List.of(Disturbance.class.getPermittedSubclasses()));
        assertThat(schedule.events()).extracting(Schedule.Event::disturbance).filteredOn(Rescale.class::isInstance)
                .contains(new Rescale(3), new Rescale(1), new Rescale(2));
    }

    @Test
    void aScheduleOfTaskManagersHasNothingElse() {
        assertThat(Schedule.ofTaskManagers(1, LENGTH).events()).hasSizeGreaterThan(20)
                .allMatch(event -> event.disturbance().equals(new KillTaskManagers(1)));
    }
}
