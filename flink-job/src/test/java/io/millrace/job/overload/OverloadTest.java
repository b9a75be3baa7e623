package io.millrace.job.overload;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code -Dmillrace.overload.seconds=300} makes it a long run; its table is printed. */
class OverloadTest {
    private static final int FACTOR = 20;

    @Test
    void aJobThatIsSentTwentyTimesWhatItCanAnswerStaysSoundAndLosesNothing(@TempDir Path directory) throws Exception {
        Duration length = Duration.ofSeconds(Long.getLong("millrace.overload.seconds", 10));
        OverloadRun.Result result = new OverloadRun(directory, length, FACTOR, System.out).run();
        List<OverloadRun.Sample> samples = result.samples();
        OverloadRun.Sample middle = samples.get(samples.size() / 2);
        OverloadRun.Sample end = samples.getLast();
        assertThat(end.sent()).as("prompts sent").isGreaterThan(5L * end.answered());
        assertThat(end.answered()).as("goes on answering").isGreaterThan(middle.answered());
        assertThat(end.checkpoints().completed()).as("goes on checkpointing")
                .isGreaterThan(middle.checkpoints().completed());
        assertThat(end.checkpoints().failed()).as("failed checkpoints").isZero();
        assertThat(samples).as("prompts that are accepted at a time").extracting(OverloadRun.Sample::accepted)
                .allMatch(accepted -> accepted <= OverloadRun.MAX_ACCEPTED * OverloadRun.PARALLELISM)
                .anyMatch(accepted -> accepted > 0);
        assertThat(end.restarts()).isZero();
        assertThat(result.lost()).as("prompts read and not answered").isZero();
        assertThat(result.repeated()).as("prompts answered twice").isZero();
        assertThat(result.outcomes().keySet()).isSubsetOf("stop", "length", "deadline_exceeded");
    }
}
