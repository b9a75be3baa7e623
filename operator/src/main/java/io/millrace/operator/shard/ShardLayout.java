package io.millrace.operator.shard;

import io.millrace.operator.MillraceOptions;
import io.millrace.operator.OperatorSettings;
import io.millrace.runtime.engine.EngineOptions;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.shard.Stage;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LayerSplit;
import io.millrace.runtime.weights.LlamaConfig;
import io.millrace.runtime.weights.ModelOutline;
import java.nio.file.Path;

/**
 * Which shard has which layers, and how many KV blocks each has room for: the same number in all, so that they can have the same
 * ids. Every shard computes it for itself, from the model's header and the settings, to the same result.
 */
public record ShardLayout(LlamaConfig config, LayerSplit split, int blocks, OperatorSettings settings) {

    /**
     * Reads the model's header.
     *
     * @throws io.millrace.runtime.weights.ModelFormatException when it is no Llama
     * @throws IllegalArgumentException when the settings do not fit the model: one line with the option and the remedy
     */
    public static ShardLayout of(OperatorSettings settings) {
        ModelOutline model = ModelOutline.read(Path.of(settings.model()));
        LayerSplit split;
        try {
            split = settings.shards().split(model);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(MillraceOptions.SHARDS.key() + ": " + e.getMessage(), e);
        }
        long largest = split.ranges().stream().mapToLong(range -> blockBytes(model.config(), range, settings)).max()
                .orElseThrow();
        if (settings.kvBytes() < largest) {
            throw new IllegalArgumentException(MillraceOptions.KV_MEMORY.key() + ": " + settings.kvBytes()
                    + " bytes are less than a block of a shard's layers, " + largest + " bytes; give it more memory");
        }
        int blocks = (int) Math.min(settings.kvBytes() / largest, Integer.MAX_VALUE / KvLayout.BLOCK_POSITIONS);
        return new ShardLayout(model.config(), split, blocks, settings);
    }

    /** Layers of a shard, of which the session operator is the first, 0. */
    public LayerRange range(int shard) {
        return split.ranges().get(shard);
    }

    /** Bytes of a shard's arena. */
    public long kvBytes(int shard) {
        return blocks * blockBytes(config, range(shard), settings);
    }

    /** How large the stage of a shard is. */
    Stage.Size stageSize(int shard) {
        EngineOptions engine = settings.engineOptions(kvBytes(shard));
        return new Stage.Size(engine.kvType(), engine.kvBytes(), engine.threads(), engine.maxNumBatchedTokens(),
                engine.logitRows());
    }

    private static long blockBytes(LlamaConfig config, LayerRange range, OperatorSettings settings) {
        return KvLayout.of(config, range, settings.kvType()).blockBytes();
    }

    /**
     * Goes into the tag of every KV block beside the model's fingerprint: blocks of one shard are of no use when those of the
     * others cannot be used. Empty without shards.
     */
    public String tag() {
        if (split.shards() == 1) {
            return "";
        }
        return "/shards " + split + (settings.activationType() == ActivationType.F32
                ? ""
                : "/activations " + settings.activationType());
    }
}
