package io.millrace.runtime.model;

import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LayerSplit;
import io.millrace.runtime.weights.LlamaConfig;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A model as a chain of shards with weights, cache and decoder of their own. A sequence has the same blocks in all of them. */
final class ShardChain implements AutoCloseable {
    private static final int MAX_ROWS = 64;
    private static final int BLOCKS = 16;

    private final WorkerPool workers;
    private final List<Shard> shards = new ArrayList<>();
    private final List<Sequence> sequences = new ArrayList<>();

    /** Tokens that a sequence gets in a step. */
    record Part(int sequence, int... tokens) {}

    private record Shard(ModelShard model, KvBlockPool pool, Decoder decoder) implements AutoCloseable {
        @Override
        public void close() {
            pool.close();
            model.close();
        }
    }

    private static final class Sequence {
        private final BlockTable blocks = new BlockTable();
        private int position;
    }

    ShardChain(Path model, LayerSplit split, Kernels kernels, KvType type, int threads, int sequences) {
        workers = new WorkerPool(threads);
        for (LayerRange range : split.ranges()) {
            ModelShard shard = ModelShard.open(model, _ -> range, PackingOptions.inMemory(1));
            LlamaConfig config = shard.weights().config();
            KvLayout layout = KvLayout.of(config, range, type);
            KvBlockPool pool = new KvBlockPool(layout, BLOCKS * layout.blockBytes());
            int logitRows = range.classifies(config) ? MAX_ROWS : 0;
            shards.add(new Shard(shard, pool, new Decoder(shard.weights(), shard.packed(), kernels, workers, pool,
                    MAX_ROWS, logitRows)));
        }
        for (int i = 0; i < sequences; i++) {
            this.sequences.add(new Sequence());
        }
    }

    /** Computes one batch; returns the logits of each part's last token. */
    float[][] step(List<Part> parts) {
        Batch tokens = new Batch(MAX_ROWS, MAX_ROWS);
        Batch hiddens = new Batch(MAX_ROWS, MAX_ROWS);
        for (Part part : parts) {
            Sequence sequence = sequences.get(part.sequence());
            for (int i = 0; i < part.tokens().length; i++) {
                if (sequence.position == sequence.blocks.positions()) {
                    sequence.blocks.append(allocate());
                }
                boolean last = i == part.tokens().length - 1;
                tokens.add(part.tokens()[i], sequence.position, sequence.blocks, last);
                hiddens.add(-1, sequence.position++, sequence.blocks, last);
            }
        }
        shards.getFirst().decoder().forward(tokens);
        float[] hidden = new float[tokens.rows() * shards.getFirst().model().weights().config().hidden()];
        for (int i = 1; i < shards.size(); i++) {
            shards.get(i - 1).decoder().hidden(hidden);
            shards.get(i).decoder().forward(hiddens, hidden);
        }
        float[][] logits = new float[tokens.logitRows()][];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = shards.getLast().decoder().logits(i).clone();
        }
        return logits;
    }

    private int allocate() {
        List<Integer> ids = shards.stream().map(shard -> shard.pool().allocate()).distinct().toList();
        if (ids.size() != 1) {
            throw new IllegalStateException("the shards' pools differ: " + ids);
        }
        return ids.getFirst();
    }

    /** Copies of a sequence's blocks, the layers of all shards one after another, as a whole model has them. */
    byte[][] cache(int sequence) {
        BlockTable blocks = sequences.get(sequence).blocks;
        byte[][] copy = new byte[blocks.size()][];
        for (int i = 0; i < copy.length; i++) {
            ByteArrayOutputStream layers = new ByteArrayOutputStream();
            for (Shard shard : shards) {
                layers.writeBytes(shard.pool().block(blocks.get(i)).toArray(ValueLayout.JAVA_BYTE));
            }
            copy[i] = layers.toByteArray();
        }
        return copy;
    }

    Decoder decoder(int shard) {
        return shards.get(shard).decoder();
    }

    @Override
    public void close() {
        workers.close();
        shards.forEach(Shard::close);
    }
}
