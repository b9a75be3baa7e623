package io.millrace.job.bench.load;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.millrace.job.bench.Spread;
import java.util.List;

/**
 * What a load found, over all its rounds; the names are those of its JSON.
 *
 * @param tokensPerSecond generated tokens of all conversations, from the first prompt to the last answer; median of the rounds
 * @param min of the slowest round
 * @param max of the fastest round
 * @param firstToken milliseconds from sending a prompt to having the first piece of its answer
 * @param perToken milliseconds per token after the first, a mean per turn
 */
public record LoadRates(
        @JsonProperty("tokens_per_second") double tokensPerSecond,
        @JsonProperty("min") double min,
        @JsonProperty("max") double max,
        @JsonProperty("ttft_ms") Percentiles firstToken,
        @JsonProperty("tpot_ms") Percentiles perToken) {

    /** @param rounds the turns of each, at least one round */
    static LoadRates of(List<List<TurnTimes>> rounds) {
        Spread rates = Spread.of(rounds.stream().mapToDouble(LoadRates::rate).toArray());
        return new LoadRates(rates.median(), rates.min(), rates.max(),
                Percentiles.of(rounds.stream().flatMap(List::stream).mapToDouble(TurnTimes::firstTokenMillis)),
                Percentiles.of(rounds.stream().flatMap(List::stream).mapToDouble(TurnTimes::perTokenMillis)));
    }

    /** Tokens per second of one round. */
    static double rate(List<TurnTimes> turns) {
        long start = turns.stream().mapToLong(TurnTimes::sent).min().orElseThrow();
        long end = turns.stream().mapToLong(TurnTimes::last).max().orElseThrow();
        return turns.stream().mapToLong(TurnTimes::answerTokens).sum() * 1e9 / (end - start);
    }
}
