package io.millrace.training.run;

import io.millrace.training.network.Network;
import io.millrace.training.network.TokenBatch;
import io.millrace.training.tokens.TrainingSequence;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Direct preference optimisation (Rafailov et al. 2023): a right answer shall gain on a wrong one to the same prompt,
 * measured from where the model began. As in Llama 3 (section 4.1.4) the right answer's own likelihood is part of the
 * objective, so that it does not fall while the wrong one's falls faster.
 */
final class PreferencePairs {
    private final TrainingPlan.Preference plan;
    private final List<Pair> pairs;

    /** Two answers to one prompt, and by how much the model preferred the right one when the stage began. */
    record Pair(TrainingSequence chosen, TrainingSequence rejected, double margin) {
        int length() {
            return chosen.length() + rejected.length();
        }
    }

    private PreferencePairs(TrainingPlan.Preference plan, List<Pair> pairs) {
        this.plan = plan;
        this.pairs = pairs;
    }

    /**
     * The pairs that what was sampled has: the first right candidate, or the reference when there is none, against the
     * first wrong one.
     *
     * @param network the model as the stage begins
     */
    static PreferencePairs of(List<Sampled> sampled, TrainingPlan.Preference plan, Network network, long seed) {
        List<Pair> pairs = new ArrayList<>();
        for (Sampled prompt : sampled) {
            Optional<int[]> wrong = first(prompt, false);
            if (wrong.isPresent()) {
                int[] right = first(prompt, true).orElse(prompt.reference());
                TrainingSequence chosen = AcceptedAnswers.sequence(prompt.context(), right);
                TrainingSequence rejected = AcceptedAnswers.sequence(prompt.context(), wrong.get());
                float[] logprobs = network.forward(BatchStream.batch(List.of(chosen, rejected)));
                int split = chosen.length();
                pairs.add(new Pair(chosen, rejected,
                        sum(logprobs, 0, split) - sum(logprobs, split, logprobs.length)));
            }
        }
        shuffle(pairs, new SplittableRandom(seed));
        return new PreferencePairs(plan, List.copyOf(pairs));
    }

    int size() {
        return pairs.size();
    }

    /** As many pairs from {@code first} on, round and round, as fit into a batch; at least one. */
    List<Pair> batch(long first, int capacity) {
        List<Pair> taken = new ArrayList<>();
        int size = 0;
        while (taken.size() < pairs.size()) {
            Pair pair = pairs.get((int) ((first + taken.size()) % pairs.size()));
            size += pair.length();
            if (size > capacity && !taken.isEmpty()) {
                break;
            }
            taken.add(pair);
        }
        return taken;
    }

    /** Adds the gradients of a batch's objective to the network's; returns its mean over the pairs. */
    double learn(Network network, List<Pair> batch) {
        List<TrainingSequence> sequences = new ArrayList<>();
        for (Pair pair : batch) {
            sequences.add(pair.chosen);
            sequences.add(pair.rejected);
        }
        TokenBatch tokens = BatchStream.batch(sequences);
        float[] logprobs = network.forward(tokens);
        float[] weights = new float[logprobs.length];
        double objective = 0;
        for (int i = 0; i < batch.size(); i++) {
            int from = tokens.starts()[2 * i];
            int split = tokens.starts()[2 * i + 1];
            int to = tokens.end(2 * i + 1);
            double chosen = sum(logprobs, from, split);
            double rejected = sum(logprobs, split, to);
            double gain = plan.beta() * (chosen - rejected - batch.get(i).margin);
            double likelihood = plan.likelihood() / learned(tokens, from, split);
            objective += Math.log1p(Math.exp(-gain)) - likelihood * chosen;
            double push = plan.beta() / (1 + Math.exp(gain));
            fill(weights, tokens, from, split, (push + likelihood) / batch.size());
            fill(weights, tokens, split, to, -push / batch.size());
        }
        network.backward(weights);
        return objective / batch.size();
    }

    private static Optional<int[]> first(Sampled prompt, boolean right) {
        return prompt.candidates().stream().filter(candidate -> candidate.right() == right)
                .map(Sampled.Candidate::tokens).findFirst();
    }

    private static double sum(float[] logprobs, int from, int to) {
        double sum = 0;
        for (int i = from; i < to; i++) {
            sum += logprobs[i];
        }
        return sum;
    }

    private static int learned(TokenBatch tokens, int from, int to) {
        int count = 0;
        for (int i = from; i < to; i++) {
            count += tokens.learned()[i] ? 1 : 0;
        }
        return count;
    }

    private static void fill(float[] weights, TokenBatch tokens, int from, int to, double weight) {
        for (int i = from; i < to; i++) {
            if (tokens.learned()[i]) {
                weights[i] = (float) weight;
            }
        }
    }

    private static void shuffle(List<Pair> pairs, SplittableRandom random) {
        for (int i = pairs.size() - 1; i > 0; i--) {
            int other = random.nextInt(i + 1);
            Pair moved = pairs.get(i);
            pairs.set(i, pairs.get(other));
            pairs.set(other, moved);
        }
    }
}
