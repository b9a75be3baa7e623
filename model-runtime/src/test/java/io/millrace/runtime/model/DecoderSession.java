package io.millrace.runtime.model;

import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.weights.LlamaWeights;
import java.lang.foreign.ValueLayout;

/** One sequence on a decoder of its own. */
final class DecoderSession implements AutoCloseable {
    private final PackedWeights packed;
    private final WorkerPool workers;
    private final KvBlockPool pool;
    private final Decoder decoder;
    private final Batch batch;
    private final int maxRows;
    private final BlockTable blocks = new BlockTable();
    private int position;

    DecoderSession(LlamaWeights weights, Kernels kernels, KvType type, int threads, int maxRows, int positions) {
        this.maxRows = maxRows;
        KvLayout layout = KvLayout.of(weights.config(), type);
        packed = PackedWeights.inMemory(weights);
        workers = new WorkerPool(threads);
        pool = new KvBlockPool(layout, KvLayout.blocksFor(positions) * layout.blockBytes());
        decoder = new Decoder(weights, packed, kernels, workers, pool, maxRows, maxRows);
        batch = new Batch(maxRows, maxRows);
    }

    /** Forgets the sequence. */
    void reset() {
        for (int i = 0; i < blocks.size(); i++) {
            pool.release(blocks.get(i));
        }
        blocks.clear();
        position = 0;
    }

    /**
     * Appends tokens, at most {@code chunk} per pass.
     *
     * @return logits of the asked positions of the sequence, in their order
     */
    float[][] append(int[] tokens, int chunk, int... wanted) {
        float[][] logits = new float[wanted.length][];
        int found = 0;
        for (int from = 0; from < tokens.length; from += chunk) {
            int end = Math.min(tokens.length, from + Math.min(chunk, maxRows));
            batch.clear();
            int firstFound = found;
            for (int i = from; i < end; i++) {
                if (position == blocks.positions()) {
                    blocks.append(pool.allocate());
                }
                boolean want = found < wanted.length && wanted[found] == position;
                batch.add(tokens[i], position, blocks, want);
                found += want ? 1 : 0;
                position++;
            }
            decoder.forward(batch);
            for (int row = 0; row < batch.logitRows(); row++) {
                logits[firstFound + row] = decoder.logits(row).clone();
            }
        }
        return logits;
    }

    int position() {
        return position;
    }

    /** Copies of all blocks, as they are in the cache. */
    byte[][] cache() {
        byte[][] copy = new byte[blocks.size()][];
        for (int i = 0; i < copy.length; i++) {
            copy[i] = pool.block(blocks.get(i)).toArray(ValueLayout.JAVA_BYTE);
        }
        return copy;
    }

    @Override
    public void close() {
        workers.close();
        pool.close();
        packed.close();
    }
}
