package io.millrace.job.plan;

import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LlamaConfig;
import java.util.List;
import java.util.function.ToLongFunction;

/** How much memory each range of layers of a model takes; sums are kept, so that asking is cheap. */
final class Footprint {
    private final ModelShape model;
    private final long layerKvBytes;
    /** Of the layers below each one. */
    private final long[] file;
    private final long[] packed;
    private final long[] plain;

    Footprint(ModelShape model, KvType kvType) {
        this.model = model;
        layerKvBytes = KvLayout.of(model.config(), kvType).layerBytes();
        file = sums(layer -> model.layerNormBytes() + fileBytes(layer));
        packed = sums(layer -> productBytes(layer, true));
        plain = sums(layer -> model.layerNormBytes() + productBytes(layer, false));
    }

    /**
     * A shard's memory. More layers or blocks take more.
     *
     * @param blocks of the KV cache
     */
    ShardLoad of(LayerRange range, long blocks) {
        LlamaConfig config = model.config();
        WeightMatrix output = model.output();
        WeightMatrix embedding = model.embedding();
        long inFile = sum(file, range);
        long inPacked = sum(packed, range);
        long inPlain = sum(plain, range);
        if (range.embeds()) {
            inFile += embedding.fileBytes();
            inPlain += embedding.fileBytes();
        }
        if (range.classifies(config)) {
            boolean there = model.tiedOutput() && range.embeds();
            inFile += model.outputNormBytes() + (there ? 0 : output.fileBytes());
            inPacked += output.isPacked() ? output.productBytes() : 0;
            inPlain += model.outputNormBytes() + (output.isPacked() || there ? 0 : output.fileBytes());
        }
        return new ShardLoad(range, inFile, inPacked, inPlain, blocks * kvBlockBytes(range),
                ProcessMemory.bytes(config, range));
    }

    /** Bytes of a range's part of a block of the KV cache. */
    long kvBlockBytes(LayerRange range) {
        return range.layers() * layerKvBytes;
    }

    private static long sum(long[] below, LayerRange range) {
        return below[range.end()] - below[range.first()];
    }

    private long[] sums(ToLongFunction<List<WeightMatrix>> bytes) {
        long[] below = new long[model.layers().size() + 1];
        for (int layer = 0; layer < model.layers().size(); layer++) {
            below[layer + 1] = below[layer] + bytes.applyAsLong(model.layers().get(layer));
        }
        return below;
    }

    private static long fileBytes(List<WeightMatrix> layer) {
        return layer.stream().mapToLong(WeightMatrix::fileBytes).sum();
    }

    private static long productBytes(List<WeightMatrix> layer, boolean ofPacked) {
        return layer.stream().filter(matrix -> matrix.isPacked() == ofPacked).mapToLong(WeightMatrix::productBytes)
                .sum();
    }
}
