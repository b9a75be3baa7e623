package io.millrace.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.job.embedded.EmbeddedCluster;
import io.millrace.job.kafka.KafkaOptions;
import io.millrace.job.kafka.KafkaSetupException;
import io.millrace.operator.MillraceOptions;
import io.millrace.runtime.weights.sample.SampleModel;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JobStartTest {
    private static Path directory;
    private static JobFixture fixture;

    @BeforeAll
    static void start(@TempDir Path shared) throws Exception {
        directory = shared;
        fixture = new JobFixture(shared);
    }

    @AfterAll
    static void stop() {
        fixture.close();
    }

    @Test
    void aMissingOptionIsNamedBeforeAnythingStarts() {
        Configuration options = fixture.options();
        options.removeConfig(MillraceOptions.MODEL);
        assertThatThrownBy(() -> EmbeddedCluster.start(options, directory)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("millrace.model: missing");
        options.removeConfig(KafkaOptions.BOOTSTRAP_SERVERS);
        assertThatThrownBy(() -> EmbeddedCluster.start(options, directory)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("millrace.kafka.bootstrap-servers: missing");
    }

    @Test
    void missingTopicsAreNamedBeforeAnythingStarts() {
        Configuration options = fixture.options().set(KafkaOptions.CREATE_TOPICS, false);
        assertThatThrownBy(() -> EmbeddedCluster.start(options, directory)).isInstanceOf(KafkaSetupException.class)
                .hasMessageStartingWith("missing topics: ");
    }

    @Test
    void aJobThatFailsSaysWhy() throws Exception {
        String model = directory.resolve("nowhere.gguf").toString();
        try (EmbeddedCluster job = EmbeddedCluster.start(fixture.options().set(MillraceOptions.MODEL, model),
                directory)) {
            assertThatThrownBy(() -> job.awaitRunning(Duration.ofMinutes(2))).isInstanceOf(IllegalStateException.class)
                    .hasMessageStartingWith("the job failed: ").hasMessageContaining(model);
            assertThat(job.failure()).hasValueSatisfying(why -> assertThat(why).contains(model));
        }
    }

    @Test
    void aSavepointOfAnotherModelIsRefusedInOneLine() throws Exception {
        Configuration options = fixture.options();
        String savepoint;
        try (EmbeddedCluster job = fixture.start(options)) {
            savepoint = job.stopWithSavepoint(fixture.savepoints());
        }
        Path other = directory.resolve("other.gguf");
        SampleModel.write(other, SampleModel.Options.defaults().withSeed(77));
        options.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint).set(MillraceOptions.MODEL, other.toString())
                .set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        try (EmbeddedCluster job = EmbeddedCluster.start(options, directory)) {
            assertThatThrownBy(() -> job.awaitRunning(Duration.ofMinutes(2)))
                    .hasMessageMatching(
                            "the job failed: millrace.model: \\S+ has the fingerprint \\w+, but the sessions to"
                                    + " restore belong to a model of the fingerprint \\w+; restore them with that model, or set"
                                    + " millrace.session.on-model-change to re-prefill .*");
            assertThat(job.status()).as("starting again would not help").isIn(JobStatus.FAILING, JobStatus.FAILED);
        }
    }

    @Test
    void theWebUiListensOnTheLoopbackInterfaceOnly() throws Exception {
        try (EmbeddedCluster job = fixture.start(fixture.options())) {
            assertThat(job.webUi()).extracting(URI::getHost).isIn("localhost", "127.0.0.1");
            assertThat(job.status()).isEqualTo(JobStatus.RUNNING);
        }
    }
}
