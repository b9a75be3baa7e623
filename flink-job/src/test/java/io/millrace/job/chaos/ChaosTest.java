package io.millrace.job.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.job.chaos.ChaosPlan.Backend;
import io.millrace.job.chaos.Disturbance.KillJobManager;
import io.millrace.job.chaos.Disturbance.KillTaskManagers;
import io.millrace.job.chaos.Disturbance.Rescale;
import io.millrace.job.chaos.Schedule.Event;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A short run of what {@code millrace chaos} does for as long as one likes. */
class ChaosTest {

    @Test
    void killsAndARescaleInMidTurnLoseDuplicateAndChangeNothing(@TempDir Path directory) throws Exception {
        Schedule schedule = new Schedule(List.of(new Event(Duration.ofSeconds(1), new KillTaskManagers(1)),
                new Event(Duration.ofSeconds(7), new Rescale(3)),
                new Event(Duration.ofSeconds(13), new KillJobManager())));
        // Many turns of each conversation: there are always some to come, however long the job takes to recover.
        ChaosPlan plan = new ChaosPlan(new Script(7, 8, 6, 96), Duration.ofSeconds(40), schedule, 2, 1, Backend.ROCKSDB,
                null);
        StringWriter log = new StringWriter();

        ChaosReport report = new ChaosRun(plan, Workspace.in(directory), new ProgressLog(new PrintWriter(log))).run();

        assertThat(report.clean()).as(report.table() + log).isTrue();
        assertThat(report.events()).as(log.toString()).isEqualTo(3);
    }
}
