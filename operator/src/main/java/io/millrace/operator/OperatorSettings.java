package io.millrace.operator;

import io.millrace.operator.shard.ActivationType;
import io.millrace.operator.shard.Shards;
import io.millrace.runtime.engine.EngineOptions;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackingOptions;
import java.io.Serializable;
import java.time.Duration;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.jspecify.annotations.Nullable;

/**
 * The values of {@link MillraceOptions}, checked once.
 *
 * @param weightsCacheDir as {@link PackingOptions#cacheDirectory(String)} reads it, on the task manager
 * @param ttlMillis idle time after which a session is forgotten
 * @param microBatches under way at the same time, 1 or more
 * @param maxQueuedPrompts of a conversation, beside its running turn
 * @param maxEventBytes of all texts of a prompt event
 * @param maxPromptTokens 0 leaves it to the model's context
 * @param maxTurns of a conversation; 0 is no limit
 * @param maxTokens of a conversation; 0 leaves it to the model's context
 * @param threads of the kernels; 0 takes every core
 * @param numSpeculativeTokens drafted per turn and step; 0 for no speculation
 */
public record OperatorSettings(String model, @Nullable String weightsCacheDir, Shards shards,
        int microBatches, ActivationType activationType, int maxNumSeqs, int maxNumBatchedTokens,
        long kvBytes, KvType kvType,
        int threads, boolean prefixCache, int numSpeculativeTokens, int promptLookupNgram, long ttlMillis,
        int duplicateWindow, int maxAcceptedPrompts, int maxQueuedPrompts, long maxEventBytes,
        int maxPromptTokens, int maxTurns, int maxTokens, OverflowPolicy overflow, int maxCompletionTokens,
        boolean stream, ModelChangePolicy onModelChange,
        float temperature, float topP, int topK,
        float minP) implements Serializable {

    private static final Duration LONGEST_TTL = Duration.ofDays(36_500);

    /**
     * Reads and checks the settings.
     *
     * @throws IllegalArgumentException that names the option, its value and the remedy
     */
    public static OperatorSettings of(ReadableConfig config) {
        String model = config.getOptional(MillraceOptions.MODEL).orElse("");
        if (model.isBlank()) {
            throw new IllegalArgumentException(MillraceOptions.MODEL.key()
                    + ": missing; set it to a GGUF file or a Hugging Face directory that every task manager can read");
        }
        Shards shards = shards(config);
        int microBatches = atLeast(0, config, MillraceOptions.MICRO_BATCHES);
        return new OperatorSettings(model, weightsCacheDir(config), shards,
                microBatches == 0 ? shards.count() : microBatches, config.get(MillraceOptions.ACTIVATION_TYPE),
                atLeast(1, config, MillraceOptions.MAX_NUM_SEQS),
                atLeast(1, config, MillraceOptions.MAX_NUM_BATCHED_TOKENS),
                positive(MillraceOptions.KV_MEMORY, config.get(MillraceOptions.KV_MEMORY).getBytes()),
                config.get(MillraceOptions.KV_TYPE), atLeast(0, config, MillraceOptions.THREADS),
                config.get(MillraceOptions.PREFIX_CACHE), atLeast(0, config, MillraceOptions.NUM_SPECULATIVE_TOKENS),
                atLeast(1, config, MillraceOptions.PROMPT_LOOKUP_NGRAM),
                ttlMillis(config),
                atLeast(1, config, MillraceOptions.DUPLICATE_WINDOW),
                atLeast(1, config, MillraceOptions.MAX_ACCEPTED_PROMPTS),
                atLeast(0, config, MillraceOptions.MAX_QUEUED_PROMPTS),
                positive(MillraceOptions.MAX_EVENT_SIZE, config.get(MillraceOptions.MAX_EVENT_SIZE).getBytes()),
                atLeast(0, config, MillraceOptions.MAX_PROMPT_TOKENS),
                atLeast(0, config, MillraceOptions.MAX_TURNS), atLeast(0, config, MillraceOptions.MAX_TOKENS),
                config.get(MillraceOptions.OVERFLOW), atLeast(1, config, MillraceOptions.MAX_COMPLETION_TOKENS),
                config.get(MillraceOptions.STREAM),
                config.get(MillraceOptions.ON_MODEL_CHANGE),
                between(0, 100, config, MillraceOptions.TEMPERATURE),
                between(Float.MIN_VALUE, 1, config, MillraceOptions.TOP_P), atLeast(0, config, MillraceOptions.TOP_K),
                between(0, 1, config, MillraceOptions.MIN_P));
    }

    /** Threads that compute, every core unless set. */
    public int computeThreads() {
        return threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
    }

    /**
     * How an engine is sized, or a stage of one.
     *
     * @param kvBytes of its arena
     */
    public EngineOptions engineOptions(long kvBytes) {
        return new EngineOptions(maxNumSeqs, maxNumBatchedTokens, kvBytes, kvType, computeThreads(), prefixCache,
                numSpeculativeTokens, promptLookupNgram);
    }

    private static Shards shards(ReadableConfig config) {
        try {
            return Shards.parse(config.get(MillraceOptions.SHARDS));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(MillraceOptions.SHARDS.key() + ": " + e.getMessage(), e);
        }
    }

    private static @Nullable String weightsCacheDir(ReadableConfig config) {
        String setting = config.getOptional(MillraceOptions.WEIGHTS_CACHE_DIR).orElse(null);
        if (setting != null) {
            PackingOptions.cacheDirectory(setting); // Throws here, and not on the task manager only.
        }
        return setting;
    }

    private static int atLeast(int least, ReadableConfig config, ConfigOption<Integer> option) {
        int value = config.get(option);
        if (value < least) {
            throw invalid(option, value, "set it to " + least + " or more");
        }
        return value;
    }

    private static long positive(ConfigOption<?> option, long value) {
        if (value <= 0) {
            throw invalid(option, value, "set it to more than 0");
        }
        return value;
    }

    /** Bounded, so that a time of expiry is a time. */
    private static long ttlMillis(ReadableConfig config) {
        Duration ttl = config.get(MillraceOptions.SESSION_TTL);
        if (ttl.toSeconds() > LONGEST_TTL.toSeconds() || ttl.toMillis() <= 0) {
            throw invalid(MillraceOptions.SESSION_TTL, ttl,
                    "set it to more than 0 and at most " + LONGEST_TTL.toDays() + " d");
        }
        return ttl.toMillis();
    }

    private static float between(float least, float most, ReadableConfig config, ConfigOption<Float> option) {
        float value = config.get(option);
        // Written so that NaN fails too.
        if (!(value >= least && value <= most)) {
            throw invalid(option, value,
                    "set it to " + (least == Float.MIN_VALUE ? "more than 0" : (int) least + " or more")
                            + " and at most " + (int) most);
        }
        return value;
    }

    private static IllegalArgumentException invalid(ConfigOption<?> option, Object value, String remedy) {
        return new IllegalArgumentException(option.key() + ": " + value + " is out of range; " + remedy);
    }
}
