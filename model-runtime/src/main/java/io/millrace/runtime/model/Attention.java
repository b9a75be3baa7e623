package io.millrace.runtime.model;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;

import io.millrace.runtime.kernels.AttentionTile;
import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.weights.LlamaConfig;

/**
 * Causal grouped-query attention of a batch over the block tables of its sequences. A task is one key/value head and a group
 * of rows of one sequence: it reads each block's head once, for all query heads and rows of the task. A row takes tiles of
 * {@link AttentionTile#POSITIONS} positions in order from position 0, the last one cut off behind its own position, so a row
 * of a prompt does exactly what a single row at its position does.
 */
final class Attention {
    /** Rows of one sequence that share a task. */
    private static final int ROWS_PER_TASK = 16;
    private static final int TILE_BLOCKS = AttentionTile.POSITIONS / BLOCK_POSITIONS;

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
            tiles[i] = kv.tile(ROWS_PER_TASK * queriesPerHead);
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
        for (int row = first; row < end; row++) {
            tile.setQueries((row - first) * queriesPerHead, queriesPerHead, queries, row * queryStride + head);
        }
        BlockTable blocks = batch.blocks(first);
        int start = first;
        for (int position = 0; position <= batch.position(end - 1); position += AttentionTile.POSITIONS) {
            while (batch.position(start) < position) {
                start++;
            }
            int block = position / BLOCK_POSITIONS;
            int blockEnd = Math.min(block + TILE_BLOCKS, batch.position(end - 1) / BLOCK_POSITIONS + 1);
            // Rows whose own position is in the tile see a part of it, each another; all that follow see the whole.
            int whole = Math.clamp((long) start + position + AttentionTile.POSITIONS - 1 - batch.position(start), start,
                    end);
            for (int i = block; i < blockEnd; i++) {
                kv.loadKeys(pool.block(blocks.get(i)), layer, kvHead, tile, i - block);
            }
            for (int row = start; row < whole; row++) {
                kernels.attendKeys(tile, (row - first) * queriesPerHead, queriesPerHead,
                        batch.position(row) - position + 1);
            }
            kernels.attendKeys(tile, (whole - first) * queriesPerHead, (end - whole) * queriesPerHead,
                    AttentionTile.POSITIONS);
            for (int i = block; i < blockEnd; i++) {
                kv.loadValues(pool.block(blocks.get(i)), layer, kvHead, tile, i - block);
            }
            for (int row = start; row < whole; row++) {
                kernels.attendValues(tile, (row - first) * queriesPerHead, queriesPerHead,
                        batch.position(row) - position + 1);
            }
            kernels.attendValues(tile, (whole - first) * queriesPerHead, (end - whole) * queriesPerHead,
                    AttentionTile.POSITIONS);
        }
        for (int row = first; row < end; row++) {
            for (int query = 0; query < queriesPerHead; query++) {
                tile.finish((row - first) * queriesPerHead + query, out, row * outStride + head + query * headDim);
            }
        }
    }
}
