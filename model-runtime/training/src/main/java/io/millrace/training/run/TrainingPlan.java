package io.millrace.training.run;

import io.millrace.training.network.NetworkShape;
import io.millrace.training.tokens.DeskVocabulary;
import java.util.EnumMap;
import java.util.Map;

/**
 * Everything that decides a run's result, but the code: equal plans give equal weights.
 *
 * @param seed of the first weights, of the data, and of what is sampled
 * @param shape geometry of the model
 * @param vocabularyTexts dialogues, and documents, from which the vocabulary is learned
 * @param batchTokens most tokens of one step
 * @param budgets of all stages
 * @param sampling how the candidates of the last two stages are drawn
 * @param preference the objective of the last stage
 */
public record TrainingPlan(long seed, NetworkShape shape, int vocabularyTexts,
        int batchTokens, Map<Stage, Budget> budgets,
        Sampling sampling, Preference preference) {

    /**
     * That of Llama 3. With 10,000, and heads of 32, less than a third of a head turns slowly enough to compare tokens that stand
     * hundreds of positions apart; of heads of 64 it is half.
     */
    private static final float ROPE_BASE = 500_000;

    /**
     * How candidates are drawn.
     *
     * @param exchanges how many prompts are answered, before each of the two stages
     * @param candidates answers to each
     * @param temperature at which they are drawn
     */
    public record Sampling(int exchanges, int candidates, float temperature) {}

    /**
     * Direct preference optimisation (Rafailov et al. 2023), with the likelihood term of Llama 3, section 4.1.4.
     *
     * @param beta how far the model may go from where it began: larger is nearer
     * @param likelihood weight of the chosen answers' own cross entropy
     */
    public record Preference(float beta, float likelihood) {}

    /** @throws IllegalArgumentException when a stage has no budget */
    public TrainingPlan {
        budgets = new EnumMap<>(budgets);
        for (Stage stage : Stage.values()) {
            if (!budgets.containsKey(stage)) {
                throw new IllegalArgumentException("budgets: none for " + stage.title());
            }
        }
    }

    /** The whole recipe, which made the model in this repository. */
    public static TrainingPlan full(long seed) {
        return new TrainingPlan(seed, new NetworkShape(DeskVocabulary.SIZE, 6, 192, 512, 4, 2, 64, ROPE_BASE, 1e-5f),
                20_000, 4096,
                Map.of(
                        Stage.PRETRAINING, new Budget(3_000_000, 1e-3f, 1e-3f, 50),
                        Stage.FINE_TUNING, new Budget(70_000_000, 1e-3f, 3e-5f, 50),
                        Stage.REJECTION_SAMPLING, new Budget(600_000, 2e-4f, 2e-5f, 10),
                        Stage.PREFERENCE, new Budget(200_000, 5e-5f, 5e-6f, 5)),
                new Sampling(2_000, 4, 0.9f), new Preference(0.1f, 0.2f));
    }

    /** All stages in a quarter of an hour on two cores; the model is worse. */
    public static TrainingPlan quick(long seed) {
        return new TrainingPlan(seed, new NetworkShape(DeskVocabulary.SIZE, 4, 128, 384, 4, 2, 64, ROPE_BASE, 1e-5f),
                8_000, 4096,
                Map.of(
                        Stage.PRETRAINING, new Budget(2_000_000, 1e-3f, 1e-3f, 50),
                        Stage.FINE_TUNING, new Budget(8_000_000, 1e-3f, 1e-4f, 20),
                        Stage.REJECTION_SAMPLING, new Budget(300_000, 2e-4f, 2e-5f, 5),
                        Stage.PREFERENCE, new Budget(100_000, 2e-5f, 2e-6f, 5)),
                new Sampling(300, 4, 0.9f), new Preference(0.1f, 0.2f));
    }

    Budget budget(Stage stage) {
        Budget budget = budgets.get(stage);
        if (budget == null) {
            throw new IllegalStateException("no budget for " + stage);
        }
        return budget;
    }
}
