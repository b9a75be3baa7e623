package io.millrace.job.cli;

import io.millrace.job.training.JobCandidates;
import io.millrace.runtime.weights.TensorType;
import io.millrace.training.run.RunDirectory;
import io.millrace.training.run.Stage;
import io.millrace.training.run.TrainingPlan;
import io.millrace.training.run.TrainingRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace train}: the project's own model, from nothing. */
@Command(name = "train", mixinStandardHelpOptions = true, description = {
        "Train the support desk's model from nothing: vocabulary, pre-training, fine-tuning, rejection sampling through the "
                + "streaming job, preference optimisation.",
        "Leaves in the directory, after each stage, a model in F32 and in Q8_0, and the loss curve (loss.csv, loss.png). "
                + "What Ctrl-C or a crash interrupted goes on when the command is given again. Equal options give equal "
                + "models, whatever the number of threads."}, footer = {"", "Examples:",
                        "  millrace train --out run --quick        all stages, about a quarter of an hour on two cores",
                        "  millrace train --out run                the whole recipe, 74 million tokens",
                        "  millrace train --out run --until fine-tuning",
                        "  millrace eval --model run/preference.q8_0.gguf"})
final class TrainCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = {"-o",
            "--out"}, required = true, paramLabel = "DIR", description = "Directory of the run: a new one, or that of a run to go on with.")
    private Path out;

    @Option(names = "--quick", description = "A smaller model and less of everything.")
    private boolean quick;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Of weights, data and sampling. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute. Default: one per processor.")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--until", paramLabel = "STAGE", description = "End after this stage: pre-training, fine-tuning, rejection-sampling or preference. Default: the last.")
    private @Nullable String until;

    @Override
    public Integer call() throws IOException, InterruptedException {
        Numbers.requirePositive("--threads", threads);
        Stage last = until == null ? Stage.PREFERENCE : stage(until);
        TrainingPlan plan = quick ? TrainingPlan.quick(seed) : TrainingPlan.full(seed);
        PrintWriter err = spec.commandLine().getErr();
        try (Interruption _ = Interruption.ofThisThread()) {
            RunDirectory directory = open(plan);
            TrainingRun.run(plan, directory, last, threads, new JobCandidates(threads, err), new TrainingProgress(err));
            err.printf("%s is the model; 'millrace eval --model' says what it can do.%n",
                    directory.model(last, TensorType.Q8_0));
        }
        return 0;
    }

    private RunDirectory open(TrainingPlan plan) throws IOException {
        try {
            return RunDirectory.open(out, plan);
        } catch (IllegalArgumentException e) {
            throw new InvalidInput("--out: " + e.getMessage());
        }
    }

    private static Stage stage(String title) {
        for (Stage stage : Stage.values()) {
            if (stage.title().equals(title)) {
                return stage;
            }
        }
        throw new InvalidInput("--until: " + title
                + " is not one of pre-training, fine-tuning, rejection-sampling or preference");
    }
}
