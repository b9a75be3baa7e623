package io.millrace.runtime.model;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;

import io.millrace.runtime.kernels.AttentionTile;
import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.weights.LlamaConfig;

/**
 * Causal grouped-query attention of a batch over the block tables of its sequences. A task is one key/value head and a group
 * of rows of one sequence: it reads each block's head once, for all query heads and rows of the task. A row takes the blocks
 * in order from position 0, its last one cut off behind its own position, so a row of a prompt does exactly what a single
 * row at its position does.
 */
final class Attention {
    /** Rows of one sequence that share a task. */
    private static final int ROWS_PER_TASK = 16;

    private final Kernels kernels;
    private final KvBlockPool pool;
    private final KvAccess kv;
    private final int kvHeads;
    private final int headDim;
    private final int queriesPerHead;
    private final AttentionTile[] tiles;
    private final int[] groupStart;
    private int groups;

    Attention(LlamaConfig config, Kernels kernels, KvBlockPool pool, KvAccess kv, int threads, int maxRows) {
        this.kernels = kernels;
        this.pool = pool;
        this.kv = kv;
        kvHeads = config.kvHeads();
        headDim = config.headDim();
        queriesPerHead = config.heads() / kvHeads;
        tiles = new AttentionTile[threads];
        for (int i = 0; i < threads; i++) {
            tiles[i] = new AttentionTile(headDim, ROWS_PER_TASK * queriesPerHead);
        }
        groupStart = new int[maxRows + 1];
    }

    /** Cuts a batch into groups of rows. */
    void plan(Batch batch) {
        groups = 0;
        for (int row = 0; row < batch.rows(); row++) {
            if (row == 0 || batch.blocks(row) != batch.blocks(row - 1)
                    || row - groupStart[groups - 1] == ROWS_PER_TASK) {
                groupStart[groups++] = row;
            }
        }
        groupStart[groups] = batch.rows();
    }

    /** Tasks of the planned batch. */
    int tasks() {
        return groups * kvHeads;
    }

    /**
     * Runs one task of the planned batch for a layer whose keys and values are stored.
     *
     * @param queries rotated and scaled, {@code queryStride} values per row
     * @param out {@code outStride} values per row, heads one after another
     */
    void run(int task, int worker, Batch batch, int layer, float[] queries, int queryStride, float[] out,
            int outStride) {
        int kvHead = task % kvHeads;
        int first = groupStart[task / kvHeads];
        int end = groupStart[task / kvHeads + 1];
        int head = kvHead * queriesPerHead * headDim;
        AttentionTile tile = tiles[worker];
        tile.begin((end - first) * queriesPerHead);
        int lastBlock = batch.position(end - 1) / BLOCK_POSITIONS;
        int start = first;
        for (int block = 0; block <= lastBlock; block++) {
            int position = block * BLOCK_POSITIONS;
            kv.load(pool.block(batch.blocks(first).get(block)), layer, kvHead, tile);
            while (batch.position(start) < position) {
                start++;
            }
            for (int row = start; row < end; row++) {
                int positions = Math.min(BLOCK_POSITIONS, batch.position(row) - position + 1);
                kernels.attend(tile, queries, row * queryStride + head, (row - first) * queriesPerHead, queriesPerHead,
                        positions);
            }
        }
        for (int row = first; row < end; row++) {
            for (int query = 0; query < queriesPerHead; query++) {
                tile.finish((row - first) * queriesPerHead + query, out, row * outStride + head + query * headDim);
            }
        }
    }
}
