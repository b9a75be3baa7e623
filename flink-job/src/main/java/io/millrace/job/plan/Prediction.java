package io.millrace.job.plan;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/**
 * How fast a deployment will be; the names are those of its JSON. Sampling, Flink and Kafka are not in it: on two cores they
 * took less than a tenth.
 *
 * @param microBatches that a pipeline has in flight while it decodes: with more of them more shards
 *        compute side by side, and each reads its weights more often
 * @param rows of a micro-batch, on average
 * @param position that decoding sequences have reached: half of the context
 * @param stages by shard of a pipeline
 * @param decodeTokensPerSecond of all pipelines and sessions together
 * @param sessionTokensPerSecond that one session sees
 * @param prefillTokensPerSecond of all pipelines together, when prompts wait
 * @param promptTokens of the prompts that prefill is predicted for
 * @param firstTokenMs after which such a prompt, alone, has its first token
 * @param networkBytesPerToken that the shards of a pipeline send for a generated token
 * @param networkBytesPerSecond that all shards send while they decode
 * @param bottleneck of decoding
 */
public record Prediction(
        @JsonProperty("micro_batches") int microBatches,
        @JsonProperty("rows") double rows,
        @JsonProperty("position") int position,
        @JsonProperty("stages") List<Stage> stages,
        @JsonProperty("decode_tokens_per_s") double decodeTokensPerSecond,
        @JsonProperty("session_tokens_per_s") double sessionTokensPerSecond,
        @JsonProperty("prefill_tokens_per_s") double prefillTokensPerSecond,
        @JsonProperty("prompt_tokens") int promptTokens,
        @JsonProperty("first_token_ms") double firstTokenMs,
        @JsonProperty("network_bytes_per_token") double networkBytesPerToken,
        @JsonProperty("network_bytes_per_s") double networkBytesPerSecond,
        @JsonProperty("bottleneck") Bottleneck bottleneck) {

    /**
     * One shard's times.
     *
     * @param decodeMs of a micro-batch
     * @param decodeBoundBy what most of it goes to
     * @param prefillMs of the first chunk of a prompt
     */
    public record Stage(@JsonProperty("layers") String layers, @JsonProperty("decode_ms") double decodeMs,
            @JsonProperty("decode_bound_by") Resource decodeBoundBy, @JsonProperty("prefill_ms") double prefillMs) {}

    /** What time goes to. */
    public enum Resource {
        @JsonProperty("memory")
        MEMORY("reading weights and KV cache"), @JsonProperty("arithmetic")
        ARITHMETIC("arithmetic");

        private final String described;

        Resource(String described) {
            this.described = described;
        }

        @Override
        public String toString() {
            return described;
        }
    }

    /** What decoding waits for. */
    public enum Bottleneck {
        /** The slowest shard. */
        @JsonProperty("slowest_shard")
        SLOWEST_SHARD,
        /** The one machine that all shards run on. */
        @JsonProperty("shared_machine")
        SHARED_MACHINE,
        /** A token has to pass all shards before the next of its sequence, and there are too few sequences to fill them. */
        @JsonProperty("round_trip")
        ROUND_TRIP,
        /** The network between two shards. */
        @JsonProperty("network")
        NETWORK
    }

    public Prediction {
        stages = List.copyOf(stages);
    }
}
