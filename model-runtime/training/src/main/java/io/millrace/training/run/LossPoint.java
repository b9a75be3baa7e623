package io.millrace.training.run;

import java.util.Locale;

/**
 * One step of a run, a row of its curve.
 *
 * @param step since the run began
 * @param tokens computed since the run began
 * @param seconds spent since the run began, in all processes that worked on it
 * @param loss mean over what was to be predicted, each token as much as it counts, in nats; of the last stage its own objective
 * @param heldOutLoss cross entropy over the answers of held-out dialogues, NaN where it was not measured
 */
public record LossPoint(long step, long tokens, double seconds, Stage stage, double loss, double heldOutLoss,
        float learningRate, double gradientNorm, double tokensPerSecond) {
    static final String HEADER = "step,tokens,seconds,stage,loss,heldout_loss,learning_rate,gradient_norm,tokens_per_second";

    String csv() {
        return String.format(Locale.ROOT, "%d,%d,%.1f,%s,%.5f,%s,%.3g,%.4f,%.0f", step, tokens, seconds, stage.title(),
                loss, Double.isNaN(heldOutLoss) ? "" : String.format(Locale.ROOT, "%.5f", heldOutLoss), learningRate,
                gradientNorm, tokensPerSecond);
    }
}
