package io.millrace.training.run;

import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.weights.TensorType;
import io.millrace.training.network.Network;
import io.millrace.training.network.Optimizer;
import io.millrace.training.network.Parameters;
import io.millrace.training.network.Schedule;
import io.millrace.training.network.TokenBatch;
import io.millrace.training.tokens.TrainingSequence;
import java.io.IOException;
import java.util.Iterator;
import java.util.List;

/**
 * Trains a model from nothing, stage after stage, and leaves a model file after each. What is interrupted goes on at its
 * newest checkpoint, and ends with the same bits. One thread runs it; {@code threads} compute.
 */
public final class TrainingRun {
    private static final int STEPS_PER_CHECKPOINT = 200;
    private static final int STEPS_PER_HELD_OUT = 100;

    private final TrainingPlan plan;
    private final RunDirectory directory;
    private final CandidateSource candidates;
    private final TrainingListener listener;
    private final TrainingData data;
    private final Parameters parameters;
    private final Network network;
    private final Optimizer optimizer;
    private final long began = System.nanoTime();
    private Checkpoint at;
    private double secondsBefore;

    private TrainingRun(TrainingPlan plan, RunDirectory directory, WorkerPool pool, CandidateSource candidates,
            TrainingListener listener) throws IOException {
        this.plan = plan;
        this.directory = directory;
        this.candidates = candidates;
        this.listener = listener;
        data = TrainingData.open(plan, directory, listener);
        parameters = Parameters.withInductionHeads(plan.shape(), plan.seed());
        network = new Network(parameters, plan.batchTokens(), pool);
        optimizer = new Optimizer(parameters, Optimizer.Options.defaults(), pool);
        at = directory.readCheckpoint(optimizer).orElse(Checkpoint.start());
        secondsBefore = at.seconds();
        directory.truncateCurve(at.step());
        if (at.step() > 0) {
            listener.said(String.format("Going on with %s at step %,d.", at.stage().title(), at.step()));
        }
    }

    /**
     * Trains through {@code last}; does nothing when the run has that stage behind it.
     *
     * @param threads that compute; the result does not depend on them
     * @param candidates who answers prompts before the last two stages
     * @throws InterruptedException when this thread was interrupted; a later call goes on
     */
    public static void run(TrainingPlan plan, RunDirectory directory, Stage last, int threads,
            CandidateSource candidates, TrainingListener listener) throws IOException, InterruptedException {
        if (directory.has(last)) {
            return;
        }
        try (WorkerPool pool = new WorkerPool(threads)) {
            new TrainingRun(plan, directory, pool, candidates, listener).run(last);
        }
    }

    private void run(Stage last) throws IOException, InterruptedException {
        for (Stage stage : Stage.values()) {
            if (stage.compareTo(at.stage()) >= 0 && stage.compareTo(last) <= 0) {
                if (stage != at.stage()) {
                    at = at.next(stage);
                    directory.writeCheckpoint(at, optimizer);
                }
                train(stage);
                directory.writeCheckpoint(at, optimizer);
                directory.writeModels(stage, parameters, data.vocabulary());
                listener.said("Wrote " + directory.model(stage, TensorType.Q8_0) + ".");
            }
        }
        directory.writeChart();
    }

    private void train(Stage stage) throws IOException, InterruptedException {
        switch (stage) {
            case PRETRAINING -> predict(data.pretraining());
            case FINE_TUNING -> predict(data.fineTuning());
            case REJECTION_SAMPLING -> predict(
                    AcceptedAnswers.among(AcceptedAnswers.of(sampled(stage), plan.seed()), data.dialogues(stage)));
            case PREFERENCE -> prefer(sampled(stage));
        }
    }

    /** Cross entropy over what is to be predicted, each token as much as it counts. */
    private void predict(Iterator<TrainingSequence> sequences) throws IOException, InterruptedException {
        BatchStream batches = new BatchStream(sequences, plan.batchTokens(), at.consumed());
        while (at.stageTokens() < budget().tokens()) {
            BatchStream.Batch batch = batches.next();
            float[] logprobs = network.forward(batch.sequences());
            double loss = 0;
            for (int i = 0; i < logprobs.length; i++) {
                loss -= (double) batch.weights()[i] * logprobs[i];
            }
            network.backward(batch.weights());
            update(loss, logprobs.length, batches.consumed());
            if (Thread.interrupted()) {
                directory.writeCheckpoint(at, optimizer);
                throw new InterruptedException("training was interrupted");
            }
            if (at.stageStep() % STEPS_PER_CHECKPOINT == 0) {
                directory.writeCheckpoint(at, optimizer);
                directory.writeChart();
            }
        }
    }

    /**
     * Preference pairs. Their margins are those of the model as the stage begins, so there is no checkpoint within this
     * stage: it is short, and begins anew.
     */
    private void prefer(List<Sampled> sampled) throws IOException, InterruptedException {
        PreferencePairs pairs = PreferencePairs.of(sampled, plan.preference(), network, plan.seed());
        listener.said(String.format("%,d of %,d prompts have a wrong answer, and make a pair.", pairs.size(),
                sampled.size()));
        while (pairs.size() > 0 && at.stageTokens() < budget().tokens()) {
            List<PreferencePairs.Pair> batch = pairs.batch(at.consumed(), plan.batchTokens());
            double objective = pairs.learn(network, batch);
            long tokens = batch.stream().mapToLong(PreferencePairs.Pair::length).sum();
            update(objective, tokens, at.consumed() + batch.size());
            if (Thread.interrupted()) {
                throw new InterruptedException("training was interrupted");
            }
        }
    }

    private void update(double loss, long tokens, long consumed) throws IOException {
        Budget budget = budget();
        // Batches are not quite full: full ones are counted, so that the rate reaches its floor with the last token.
        Schedule schedule = new Schedule(budget.warmup(),
                (int) Math.max(budget.warmup() + 1, budget.tokens() / plan.batchTokens()),
                budget.peak(), budget.floor());
        float rate = schedule.rate((int) (at.stageTokens() / plan.batchTokens()));
        double norm = optimizer.step(rate);
        double before = at.seconds();
        at = at.stepped(tokens, consumed, secondsBefore + (System.nanoTime() - began) / 1e9);
        double heldOut = at.stageStep() % STEPS_PER_HELD_OUT == 0 ? heldOutLoss() : Double.NaN;
        LossPoint point = new LossPoint(at.step(), at.tokens(), at.seconds(), at.stage(), loss, heldOut, rate, norm,
                tokens / (at.seconds() - before));
        directory.appendToCurve(point);
        listener.stepped(point, at.stageTokens(), budget.tokens());
    }

    private double heldOutLoss() {
        double sum = 0;
        long learned = 0;
        BatchStream batches = new BatchStream(data.heldOut().iterator(), plan.batchTokens(), 0);
        while (batches.hasNext()) {
            TokenBatch batch = batches.next().sequences();
            for (float logprob : network.forward(batch)) {
                sum -= logprob;
            }
            for (boolean target : batch.learned()) {
                learned += target ? 1 : 0;
            }
        }
        return sum / learned;
    }

    private List<Sampled> sampled(Stage stage) throws IOException, InterruptedException {
        var there = directory.readSampled(stage);
        if (there.isPresent()) {
            return there.get();
        }
        Stage before = stage.previous();
        listener.said(String.format("Sampling %,d prompts, %d answers to each, from the streaming job.",
                plan.sampling().exchanges(), plan.sampling().candidates()));
        List<Sampled> sampled = candidates.sample(directory.model(before, TensorType.Q8_0),
                TrainingData.samplingSeed(plan, stage),
                plan.sampling());
        directory.writeSampled(stage, sampled);
        return sampled;
    }

    private Budget budget() {
        return plan.budget(at.stage());
    }
}
