package io.millrace.runtime.sampling;

import java.util.Map;

/**
 * How the next token is drawn. A temperature of 0 is greedy: the highest logit, ties by lower id.
 *
 * @param temperature 0 or more, finite; divides the logits
 * @param topK keep the k most likely tokens; 0 keeps all
 * @param topP keep the smallest set of tokens whose probability reaches p, the one that crosses it included; in (0, 1]
 * @param minP keep tokens at least this fraction as likely as the most likely one; in [0, 1]
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens seen before; 1 is off
 * @param presencePenalty subtracted once from the logit of a token that was generated; 0 is off
 * @param frequencyPenalty subtracted per time that a token was generated; 0 is off
 * @param logitBias added to the logits of token ids; each between -100 and 100
 * @param seed of the counter-based generator: equal seed, position and logits draw the same token
 */
public record SamplingParameters(float temperature, int topK, float topP, float minP, float repetitionPenalty,
        float presencePenalty, float frequencyPenalty, Map<Integer, Float> logitBias, long seed) {

    /** Greedy decoding. */
    public static final SamplingParameters GREEDY = new SamplingParameters(0, 0, 1, 0, 1, 0, 0, Map.of(), 0);

    public SamplingParameters {
        require(temperature >= 0 && temperature <= 100, "temperature", temperature, "between 0 and 100");
        require(topK >= 0, "top_k", topK, "0 or more");
        require(topP > 0 && topP <= 1, "top_p", topP, "above 0 and at most 1");
        require(minP >= 0 && minP <= 1, "min_p", minP, "between 0 and 1");
        require(repetitionPenalty > 0 && repetitionPenalty <= 100, "repetition_penalty", repetitionPenalty,
                "above 0 and at most 100");
        require(Math.abs(presencePenalty) <= 2, "presence_penalty", presencePenalty, "between -2 and 2");
        require(Math.abs(frequencyPenalty) <= 2, "frequency_penalty", frequencyPenalty, "between -2 and 2");
        logitBias.forEach((token, bias) -> {
            require(token >= 0, "logit_bias", token, "a token id");
            require(Math.abs(bias) <= 100, "logit_bias of token " + token, bias, "between -100 and 100");
        });
        logitBias = Map.copyOf(logitBias);
    }

    /** Whether a draw depends on the tokens so far, beside the logits. */
    public boolean readsTokens() {
        return repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0;
    }

    private static void require(boolean holds, String field, Number value, String range) {
        if (!holds) {
            throw new IllegalArgumentException(field + ": " + value + " is not " + range);
        }
    }
}
