package io.millrace.runtime.sampling;

/**
 * Natural-log probabilities of one row of logits, as the model gave them: before penalties, bias, temperature and
 * truncation. Reused from row to row, it allocates only when more tokens are kept than before; not thread-safe.
 */
public final class Logprobs {
    private final int vocabulary;
    private int[] tokens = {};
    private float[] logits = {};
    private int size;
    private double logSumExp;

    /** @param vocabulary logits per row */
    public Logprobs(int vocabulary) {
        this.vocabulary = vocabulary;
    }

    /**
     * Reads a row of {@code vocabulary} logits and keeps its {@code top} most likely tokens, highest first, ties by
     * lower id. Logits that are NaN or infinite have no part in it.
     */
    public void of(float[] row, int top) {
        if (Math.min(top, vocabulary) > tokens.length) {
            tokens = new int[Math.min(top, vocabulary)];
            logits = new float[tokens.length];
        }
        size = 0;
        float max = Float.NEGATIVE_INFINITY;
        for (int token = 0; token < vocabulary; token++) {
            float logit = row[token];
            if (Float.isFinite(logit)) {
                max = Math.max(max, logit);
                if (size < top || (size > 0 && logit > logits[size - 1])) {
                    insert(token, logit, top);
                }
            }
        }
        double sum = 0;
        for (int token = 0; token < vocabulary; token++) {
            float logit = row[token];
            if (Float.isFinite(logit)) {
                sum += StrictMath.exp((double) logit - max);
            }
        }
        logSumExp = max + StrictMath.log(sum);
    }

    private void insert(int token, float logit, int top) {
        int at = size < top ? size++ : size - 1;
        while (at > 0 && logits[at - 1] < logit) {
            logits[at] = logits[at - 1];
            tokens[at] = tokens[at - 1];
            at--;
        }
        logits[at] = logit;
        tokens[at] = token;
    }

    /** How many of the most likely tokens are held: {@code top}, or the number of finite logits if that is less. */
    public int size() {
        return size;
    }

    /** The {@code i}-th most likely token. */
    public int token(int i) {
        return tokens[i];
    }

    /** Log probability of the {@code i}-th most likely token. */
    public float logprob(int i) {
        return ofLogit(logits[i]);
    }

    /** Log probability of a token whose logit in the row is {@code logit}. */
    public float ofLogit(float logit) {
        return (float) (logit - logSumExp);
    }
}
