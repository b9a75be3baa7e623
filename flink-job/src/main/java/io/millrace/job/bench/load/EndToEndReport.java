package io.millrace.job.bench.load;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.millrace.job.bench.Spread;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a bench through Kafka found; the names are those of its JSON.
 *
 * @param endToEnd through Kafka and the job
 * @param engine the same turns on an engine alone
 * @param decoder tokens per second of a bare decoder that computes the same positions in the fewest passes
 * @param share of the engine's tokens per second that the job reached in the same round
 * @param shareOfDecoder of the bare decoder's
 * @param resent through Kafka and the job, with the history sent and computed again in each turn; null when not asked for
 * @param sharded through Kafka and the job, with the model in shards; null when not asked for
 * @param turns time to first token as the conversation grows
 */
public record EndToEndReport(
        @JsonProperty("model") String model,
        @JsonProperty("threads") int threads,
        @JsonProperty("conversations") int conversations,
        @JsonProperty("answer_tokens") int answerTokens,
        @JsonProperty("rounds") int rounds,
        @JsonProperty("end_to_end") LoadRates endToEnd,
        @JsonProperty("engine") LoadRates engine,
        @JsonProperty("decoder") Spread decoder,
        @JsonProperty("share") Spread share,
        @JsonProperty("share_of_decoder") Spread shareOfDecoder,
        @JsonProperty("resent") @Nullable LoadRates resent,
        @JsonProperty("sharded") @Nullable Sharded sharded,
        @JsonProperty("turns") List<Turn> turns) {

    /**
     * The model in shards.
     *
     * @param microBatches steps under way at the same time
     * @param share of the tokens per second of the job with the whole model, in the same round
     */
    public record Sharded(
            @JsonProperty("shards") int shards,
            @JsonProperty("micro_batches") int microBatches,
            @JsonProperty("rates") LoadRates rates,
            @JsonProperty("share") Spread share) {
        static Sharded of(EndToEndBench.Comparisons comparisons, LoadRates rates, Spread share) {
            int microBatches = comparisons.microBatches() == 0 ? comparisons.shards() : comparisons.microBatches();
            return new Sharded(comparisons.shards(), microBatches, rates, share);
        }
    }

    /**
     * Medians over all conversations and rounds.
     *
     * @param promptTokens all tokens before the answer
     * @param session milliseconds to the first token, when the history is the session's
     * @param resent milliseconds to the first token, when it is sent and computed again; null when not asked for
     * @param ratio of the two
     */
    public record Turn(
            @JsonProperty("turn") int turn,
            @JsonProperty("prompt_tokens") int promptTokens,
            @JsonProperty("ttft_ms") double session,
            @JsonProperty("resent_ttft_ms") @Nullable Double resent,
            @JsonProperty("ratio") @Nullable Double ratio) {}

    /** For people: lines of aligned columns. */
    public String table() {
        List<String> lines = new ArrayList<>();
        lines.add(String.format(Locale.ROOT, "%s, %d %s, %d %s of %d %s, %d tokens an answer, %d %s", model, threads,
                threads == 1 ? "thread" : "threads", conversations,
                conversations == 1 ? "conversation" : "conversations",
                turns.size(), turns.size() == 1 ? "turn" : "turns", answerTokens, rounds,
                rounds == 1 ? "round" : "rounds"));
        lines.add("");
        lines.add(String.format(Locale.ROOT, "%-16s %9s %9s %9s   %-26s %-26s", "", "tokens/s", "slowest", "fastest",
                "first token, ms", "per token, ms").stripTrailing());
        lines.add(String.format(Locale.ROOT, "%-16s %9s %9s %9s %8s %8s %8s  %8s %8s %8s", "", "", "", "", "p50", "p95",
                "p99", "p50", "p95", "p99"));
        lines.add(row("Kafka to Kafka", endToEnd));
        lines.add(row("engine alone", engine));
        lines.add(String.format(Locale.ROOT, "%-16s %9.1f %9.1f %9.1f", "decoder alone", decoder.median(),
                decoder.min(), decoder.max()));
        if (resent != null) {
            lines.add(row("history resent", resent));
        }
        if (sharded != null) {
            lines.add(row("in " + sharded.shards + " shards", sharded.rates));
        }
        lines.add("");
        lines.add(String.format(Locale.ROOT,
                "Kafka to Kafka reaches %s of the engine's tokens/s, and %s of the decoder's.", text(share),
                text(shareOfDecoder)));
        if (sharded != null) {
            lines.add(String.format(Locale.ROOT,
                    "In %d shards with %d micro-batches under way it reaches %s of the whole model's tokens/s.",
                    sharded.shards, sharded.microBatches, text(sharded.share)));
        }
        lines.add("");
        lines.add(resent == null
                ? "turn  prompt tokens  first token, ms"
                : "turn  prompt tokens  first token, ms  history resent, ms  ratio");
        for (Turn turn : turns) {
            String line = String.format(Locale.ROOT, "%4d %14d %16.1f", turn.turn, turn.promptTokens, turn.session);
            lines.add(turn.resent == null || turn.ratio == null
                    ? line
                    : line + String.format(Locale.ROOT, " %19.1f %6.1f", turn.resent, turn.ratio));
        }
        return String.join(System.lineSeparator(), lines);
    }

    /** The median, and where there is more than one round the smallest and the largest. */
    private String text(Spread share) {
        return rounds == 1
                ? String.format(Locale.ROOT, "%.3f", share.median())
                : String.format(Locale.ROOT, "%.3f (%.3f to %.3f)", share.median(), share.min(), share.max());
    }

    private static String row(String what, LoadRates rates) {
        return String.format(Locale.ROOT, "%-16s %9.1f %9.1f %9.1f %8.1f %8.1f %8.1f  %8.1f %8.1f %8.1f", what,
                rates.tokensPerSecond(), rates.min(), rates.max(), rates.firstToken().p50(), rates.firstToken().p95(),
                rates.firstToken().p99(), rates.perToken().p50(), rates.perToken().p95(), rates.perToken().p99());
    }
}
