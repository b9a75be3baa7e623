package io.millrace.training.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.weights.TensorType;
import io.millrace.training.network.NetworkShape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingRunTest {
    private static final TrainingPlan PLAN = plan(7);

    private final Path directory;
    private final Recorder recorder = new Recorder();
    private final List<Path> asked = new ArrayList<>();

    TrainingRunTest(@TempDir Path directory) {
        this.directory = directory;
    }

    @Test
    void everyStageLeavesAModelAndTheLossFalls() throws Exception {
        RunDirectory run = train("run", PLAN, 2);

        for (Stage stage : Stage.values()) {
            try (LlamaModel model = LlamaModel.open(run.model(stage, TensorType.Q8_0), PackingOptions.inMemory(1))) {
                assertThat(model.weights().config().layers()).isEqualTo(1);
            }
        }
        List<LossPoint> pretraining = recorder.points.stream()
                .filter(point -> point.stage() == Stage.PRETRAINING).toList();
        assertThat(pretraining.getLast().loss()).isLessThan(0.93 * pretraining.getFirst().loss());
        assertThat(Files.readAllLines(run.curve())).hasSize(recorder.points.size() + 1);
        assertThat(run.chart()).isNotEmptyFile();
        assertThat(asked).containsExactly(run.model(Stage.FINE_TUNING, TensorType.Q8_0),
                run.model(Stage.REJECTION_SAMPLING, TensorType.Q8_0));
    }

    @Test
    void equalPlansGiveEqualModelsWhateverTheThreads() throws Exception {
        RunDirectory one = train("one", PLAN, 1);
        RunDirectory two = train("two", PLAN, 2);
        RunDirectory other = train("other", plan(8), 2);

        assertThat(one.model(Stage.PREFERENCE, TensorType.F32))
                .hasSameBinaryContentAs(two.model(Stage.PREFERENCE, TensorType.F32));
        assertThat(Files.mismatch(one.model(Stage.PREFERENCE, TensorType.F32),
                other.model(Stage.PREFERENCE, TensorType.F32))).isNotNegative();
    }

    @Test
    void whatWasInterruptedGoesOnAndEndsWithTheSameBits() throws Exception {
        RunDirectory whole = train("whole", PLAN, 2);
        recorder.points.clear();
        recorder.interruptAt = 7;
        assertThatExceptionOfType(InterruptedException.class).isThrownBy(() -> train("run", PLAN, 2));
        assertThat(recorder.points).hasSize(7);
        recorder.interruptAt = -1;

        RunDirectory run = train("run", PLAN, 1);

        assertThat(run.model(Stage.PREFERENCE, TensorType.F32))
                .hasSameBinaryContentAs(whole.model(Stage.PREFERENCE, TensorType.F32));
        assertThat(recorder.points.get(7).step()).isEqualTo(8);
        assertThat(Files.readAllLines(run.curve())).hasSameSizeAs(Files.readAllLines(whole.curve()));
    }

    @Test
    void aFinishedRunIsLeftAsItIs() throws Exception {
        train("run", PLAN, 2);
        recorder.points.clear();

        train("run", PLAN, 2);

        assertThat(recorder.points).isEmpty();
    }

    @Test
    void anotherPlanDoesNotGoOnInTheDirectoryOfARun() throws Exception {
        Path path = directory.resolve("run");
        RunDirectory.open(path, PLAN);

        assertThatIllegalArgumentException().isThrownBy(() -> RunDirectory.open(path, plan(8)))
                .withMessageStartingWith(path.resolve("plan.json") + ": the run there has another plan");
    }

    @Test
    void aDirectoryWithOtherFilesIsRefused() throws Exception {
        Files.writeString(directory.resolve("letter.txt"), "Dear customer");

        assertThatIllegalArgumentException().isThrownBy(() -> RunDirectory.open(directory, PLAN))
                .withMessage(directory + ": not empty, and no training run; choose another directory");
    }

    private RunDirectory train(String name, TrainingPlan plan, int threads) throws IOException, InterruptedException {
        RunDirectory run = RunDirectory.open(directory.resolve(name), plan);
        TrainingRun.run(plan, run, Stage.PREFERENCE, threads, this::sample, recorder);
        return run;
    }

    /** As a model would that is sometimes right. */
    private List<Sampled> sample(Path model, long seed, TrainingPlan.Sampling sampling) {
        asked.add(model);
        List<Sampled> sampled = new ArrayList<>();
        for (int i = 0; i < sampling.exchanges(); i++) {
            int[] right = {300 + i, 301 + i, 302 + i};
            int[] wrong = {400 + i, 401 + i};
            sampled.add(new Sampled(new int[]{100, 101, 102 + i}, right,
                    List.of(new Sampled.Candidate(right, true), new Sampled.Candidate(wrong, false))));
        }
        return sampled;
    }

    private static TrainingPlan plan(long seed) {
        return new TrainingPlan(seed, new NetworkShape(1200, 1, 32, 64, 2, 1, 16, 10_000f, 1e-5f), 200, 2048,
                Map.of(
                        Stage.PRETRAINING, new Budget(30_000, 1e-2f, 1e-3f, 2),
                        Stage.FINE_TUNING, new Budget(6_000, 1e-3f, 1e-4f, 2),
                        Stage.REJECTION_SAMPLING, new Budget(4_000, 1e-3f, 1e-4f, 2),
                        Stage.PREFERENCE, new Budget(200, 1e-3f, 1e-4f, 2)),
                new TrainingPlan.Sampling(8, 2, 0.9f), new TrainingPlan.Preference(0.1f, 0.2f));
    }

    private static final class Recorder implements TrainingListener {
        private final List<LossPoint> points = new ArrayList<>();
        private int interruptAt = -1;

        @Override
        public void said(String line) {
            assertThat(line).isNotBlank();
        }

        @Override
        public void stepped(LossPoint point, long tokens, long tokensInAll) {
            points.add(point);
            if (points.size() == interruptAt) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
