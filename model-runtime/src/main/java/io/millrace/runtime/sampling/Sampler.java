package io.millrace.runtime.sampling;

import io.millrace.runtime.kernels.ScalarKernels;
import java.util.Map;

/**
 * Draws the next token from a row of logits. In this order: repetition penalty, frequency and presence penalty, logit bias;
 * then the highest score when the temperature is 0, else temperature, softmax, top-k, top-p over what top-k kept, min-p, and
 * a draw with {@link Philox} from seed and position.
 *
 * <p>The same arguments draw the same token on every machine: ties go to the lower id, sums run in a fixed order in double
 * and the exponential is that of the kernels. Logits that are NaN or infinite are never drawn.
 *
 * <p>Holds scratch of the vocabulary's size, so one sampler serves all rows of an engine, on one thread at a time.
 */
public final class Sampler {
    private final int vocabulary;
    private final float[] scores;
    private final float[] weights;
    /** Candidate ids: a heap in front, what was taken off it behind, last taken first. */
    private final int[] candidates;
    /** Occurrences by token; all zero between calls. */
    private final int[] counts;

    /** @param vocabulary logits per row */
    public Sampler(int vocabulary) {
        this.vocabulary = vocabulary;
        this.scores = new float[vocabulary];
        this.weights = new float[vocabulary];
        this.candidates = new int[vocabulary];
        this.counts = new int[vocabulary];
    }

    /**
     * The token for {@code position}.
     *
     * @param logits a row, {@code vocabulary} values; not changed
     * @param tokens the sequence so far, of which {@code tokenCount} are known; ids below the vocabulary's size
     * @param tokenCount known tokens; the repetition penalty covers all of them
     * @param promptTokens how many of them came before the first generated one; presence and frequency penalties cover the
     *        rest
     * @param position the index in the sequence that the drawn token will have
     * @throws NoFiniteLogitsException when nothing can be drawn
     */
    public int sample(float[] logits, SamplingParameters parameters, int[] tokens, int tokenCount,
            int promptTokens, int position) {
        System.arraycopy(logits, 0, scores, 0, vocabulary);
        if (parameters.repetitionPenalty() != 1) {
            penalizeRepetition(parameters.repetitionPenalty(), tokens, tokenCount);
        }
        if (parameters.frequencyPenalty() != 0 || parameters.presencePenalty() != 0) {
            penalizeGenerated(parameters, tokens, promptTokens, tokenCount);
        }
        if (!parameters.logitBias().isEmpty()) {
            for (Map.Entry<Integer, Float> bias : parameters.logitBias().entrySet()) {
                scores[bias.getKey()] += bias.getValue();
            }
        }
        int best = best();
        if (best < 0) {
            throw new NoFiniteLogitsException(position);
        }
        if (parameters.temperature() == 0) {
            return best;
        }
        double mass = weigh(scores[best], parameters.temperature());
        double u = Philox.uniform(parameters.seed(), position);
        boolean truncated = parameters.topK() > 0 || parameters.topP() < 1 || parameters.minP() > 0;
        return truncated ? drawTruncated(parameters, mass, u) : drawAll(mass, u);
    }

    private void penalizeRepetition(float penalty, int[] tokens, int end) {
        for (int i = 0; i < end; i++) {
            int token = tokens[i];
            if (counts[token]++ == 0) {
                scores[token] = scores[token] > 0 ? scores[token] / penalty : scores[token] * penalty;
            }
        }
        for (int i = 0; i < end; i++) {
            counts[tokens[i]] = 0;
        }
    }

    private void penalizeGenerated(SamplingParameters parameters, int[] tokens, int start, int end) {
        for (int i = start; i < end; i++) {
            counts[tokens[i]]++;
        }
        for (int i = start; i < end; i++) {
            int count = counts[tokens[i]];
            if (count > 0) {
                scores[tokens[i]] -= count * parameters.frequencyPenalty() + parameters.presencePenalty();
                counts[tokens[i]] = 0;
            }
        }
    }

    /** The finite score that is highest, ties by lower id; -1 when there is none. */
    private int best() {
        int best = -1;
        float highest = Float.NEGATIVE_INFINITY;
        for (int token = 0; token < vocabulary; token++) {
            float score = scores[token];
            // NaN is not greater than anything; infinity is asked for only here, seldom.
            if (score > highest && score <= Float.MAX_VALUE) {
                highest = score;
                best = token;
            }
        }
        return best;
    }

    /** Fills the weights, 1 for the best token and 0 for those that cannot be drawn; returns their sum. */
    private double weigh(float max, float temperature) {
        double sum = 0;
        for (int token = 0; token < vocabulary; token++) {
            float score = scores[token];
            float weight = Float.isFinite(score) ? ScalarKernels.exp((score - max) / temperature) : 0;
            weights[token] = weight;
            sum += weight;
        }
        return sum;
    }

    private int drawAll(double mass, double u) {
        double rest = u * mass;
        int last = 0;
        for (int token = 0; token < vocabulary; token++) {
            if (weights[token] > 0) {
                last = token;
                rest -= weights[token];
                if (rest < 0) {
                    return token;
                }
            }
        }
        return last;
    }

    /** Keeps a prefix of the tokens ordered by weight; only as much of that order is made as the prefix needs. */
    private int drawTruncated(SamplingParameters parameters, double mass, double u) {
        boolean limited = parameters.topK() > 0 && parameters.topK() < vocabulary;
        // Tokens below 1/n of what top-p leaves out have together less than that, so the prefix ends before any of them.
        double least = limited ? 0 : Math.max(parameters.minP(), (1.0 - parameters.topP()) * mass / vocabulary);
        int size = 0;
        for (int token = 0; token < vocabulary; token++) {
            if (weights[token] > 0 && weights[token] >= least) {
                candidates[size++] = token;
            }
        }
        for (int i = size / 2 - 1; i >= 0; i--) {
            sift(i, size);
        }
        int most = limited ? Math.min(parameters.topK(), size) : size;
        int taken = 0;
        if (limited) {
            mass = 0;
            while (taken < most) {
                mass += weights[take(size, taken++)];
            }
        }
        int kept = 0;
        double sum = 0;
        while (kept < most && (parameters.topP() == 1 || sum < parameters.topP() * mass)) {
            int token = kept < taken ? candidates[size - 1 - kept] : take(size, taken++);
            if (weights[token] < parameters.minP()) {
                break;
            }
            sum += weights[token];
            kept++;
        }
        double rest = u * sum;
        for (int i = 0; i < kept; i++) {
            rest -= weights[candidates[size - 1 - i]];
            if (rest < 0) {
                return candidates[size - 1 - i];
            }
        }
        return candidates[size - kept];
    }

    /** Takes the best candidate off the heap, after {@code taken} were, and puts it behind the heap. */
    private int take(int size, int taken) {
        int last = size - 1 - taken;
        int best = candidates[0];
        candidates[0] = candidates[last];
        candidates[last] = best;
        sift(0, last);
        return best;
    }

    private void sift(int parent, int size) {
        int token = candidates[parent];
        for (int child = 2 * parent + 1; child < size; child = 2 * parent + 1) {
            if (child + 1 < size && before(candidates[child + 1], candidates[child])) {
                child++;
            }
            if (!before(candidates[child], token)) {
                break;
            }
            candidates[parent] = candidates[child];
            parent = child;
        }
        candidates[parent] = token;
    }

    private boolean before(int a, int b) {
        return weights[a] > weights[b] || (weights[a] == weights[b] && a < b);
    }
}
