package io.millrace.training.run;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Who answers prompts with a model that is being trained: the streaming job. */
@FunctionalInterface
public interface CandidateSource {
    /**
     * Draws candidates for the first exchanges of the training dialogues of {@code seed}.
     *
     * @param model a GGUF file
     * @throws InterruptedException when the run shall end
     */
    List<Sampled> sample(Path model, long seed, TrainingPlan.Sampling sampling)
            throws IOException, InterruptedException;
}
