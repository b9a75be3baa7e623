package io.millrace.runtime.model;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;

import io.millrace.runtime.kernels.AttentionTile;
import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.weights.LlamaConfig;

/**
 * Causal grouped-query attention of a batch over the block tables of its sequences. A task is some key/value heads and a group
 * of rows of one sequence: it reads each block's heads once, for all their query heads and rows of the task. A row takes
 * tiles of {@link AttentionTile#POSITIONS} positions in order from position 0, the last one cut off behind its own position,
 * so a row of a prompt does exactly what a single row at its position does.
 *
 * <p>
 * Heads of a layer lie side by side in a block, and blocks lie far apart. So a task goes through the positions once, with all
 * its heads at each tile: the processor, which fetches ahead within a page, has the next head's part while it computes with one.
 */
final class Attention {
    /** Rows of a group times heads of its tasks: what a tile has room for. */
    private static final int ROW_HEADS = 16;
    private static final int TILE_BLOCKS = AttentionTile.POSITIONS / BLOCK_POSITIONS;
    /** With so many tasks per thread, a thread that takes one more is not late by much. */
    private static final int MANY_TASKS = 4;

    private final Kernels kernels;
    private final KvBlockPool pool;
    private final KvAccess kv;
    private final int kvHeads;
    private final int headDim;
    private final int queriesPerHead;
    private final int threads;
    private final AttentionTile[] tiles;
    /** First row of each group, and the end of the last one. */
    private final int[] groupStart;
    /** Key/value heads of each task of a group. */
    private final int[] groupHeads;
    /** Group of each task. */
    private final int[] taskGroup;
    /** First key/value head of each task. */
    private final int[] taskHead;
    private int groups;
    private int tasks;

    Attention(LlamaConfig config, Kernels kernels, KvBlockPool pool, KvAccess kv, int threads, int maxRows) {
        this.kernels = kernels;
        this.pool = pool;
        this.kv = kv;
        this.threads = threads;
        kvHeads = config.kvHeads();
        headDim = config.headDim();
        queriesPerHead = config.heads() / kvHeads;
        tiles = new AttentionTile[threads];
        for (int i = 0; i < threads; i++) {
            tiles[i] = kv.tile(ROW_HEADS * queriesPerHead);
        }
        groupStart = new int[maxRows + 1];
        groupHeads = new int[maxRows];
        taskGroup = new int[maxRows * kvHeads];
        taskHead = new int[maxRows * kvHeads];
    }

    /** Cuts a batch into groups of rows, and those into tasks. */
    void plan(Batch batch) {
        groups = 0;
        for (int row = 0; row < batch.rows(); row++) {
            if (row == 0 || batch.blocks(row) != batch.blocks(row - 1) || row - groupStart[groups - 1] == ROW_HEADS) {
                groupStart[groups++] = row;
            }
        }
        groupStart[groups] = batch.rows();
        tasks = 0;
        for (int group = 0; group < groups; group++) {
            groupHeads[group] = headsPerTask(groupStart[group + 1] - groupStart[group]);
            for (int head = 0; head < kvHeads; head += groupHeads[group]) {
                taskGroup[tasks] = group;
                taskHead[tasks++] = head;
            }
        }
    }

    /** The most heads for which a tile has room and with whose tasks all threads have about the same to do. */
    private int headsPerTask(int rows) {
        for (int heads = Math.min(kvHeads, ROW_HEADS / rows); heads > 1; heads--) {
            int expected = groups * kvHeads / heads;
            if (kvHeads % heads == 0 && (expected % threads == 0 || expected >= MANY_TASKS * threads)) {
                return heads;
            }
        }
        return 1;
    }

    /** Tasks of the planned batch. */
    int tasks() {
        return tasks;
    }

    /**
     * Runs one task of the planned batch for a layer whose keys and values are stored.
     *
     * @param queries rotated and scaled, {@code queryStride} values per row
     * @param out {@code outStride} values per row, heads one after another
     */
    void run(int task, int worker, Batch batch, int layer, float[] queries, int queryStride, float[] out,
            int outStride) {
        int group = taskGroup[task];
        int first = groupStart[group];
        int end = groupStart[group + 1];
        int rows = end - first;
        int firstHead = taskHead[task];
        int heads = groupHeads[group];
        AttentionTile tile = tiles[worker];
        tile.begin(heads * rows * queriesPerHead);
        for (int head = 0; head < heads; head++) {
            for (int row = 0; row < rows; row++) {
                tile.setQueries((head * rows + row) * queriesPerHead, queriesPerHead, queries,
                        (first + row) * queryStride + (firstHead + head) * queriesPerHead * headDim);
            }
        }
        int last = batch.position(end - 1);
        for (int position = 0; position <= last; position += AttentionTile.POSITIONS) {
            for (int head = 0; head < heads; head++) {
                attend(tile, batch, first, end, position, layer, firstHead + head, head * rows * queriesPerHead);
            }
        }
        for (int head = 0; head < heads; head++) {
            for (int row = 0; row < rows; row++) {
                for (int query = 0; query < queriesPerHead; query++) {
                    tile.finish((head * rows + row) * queriesPerHead + query, out, (first + row) * outStride
                            + ((firstHead + head) * queriesPerHead + query) * headDim);
                }
            }
        }
    }

    /**
     * Takes a tile of one head into the softmax of rows of one sequence.
     *
     * @param position the tile's first
     * @param firstQuery the tile's number of the first query of row {@code first}
     */
    private void attend(AttentionTile tile, Batch batch, int first, int end, int position, int layer, int kvHead,
            int firstQuery) {
        BlockTable blocks = batch.blocks(first);
        int block = position / BLOCK_POSITIONS;
        int blockEnd = Math.min(block + TILE_BLOCKS, batch.position(end - 1) / BLOCK_POSITIONS + 1);
        // Rows are at positions that follow each other: some may be behind the tile's first position already, those in
        // the tile see a part of it, each another, and all that come later see the whole.
        int ahead = position - batch.position(first);
        int start = Math.clamp((long) first + ahead, first, end);
        int whole = Math.clamp((long) first + ahead + AttentionTile.POSITIONS - 1, first, end);
        for (int i = block; i < blockEnd; i++) {
            kv.loadKeys(pool.block(blocks.get(i)), layer, kvHead, tile, i - block);
        }
        for (int row = start; row < whole; row++) {
            kernels.attendKeys(tile, firstQuery + (row - first) * queriesPerHead, queriesPerHead,
                    batch.position(row) - position + 1);
        }
        kernels.attendKeys(tile, firstQuery + (whole - first) * queriesPerHead, (end - whole) * queriesPerHead,
                AttentionTile.POSITIONS);
        for (int i = block; i < blockEnd; i++) {
            kv.loadValues(pool.block(blocks.get(i)), layer, kvHead, tile, i - block);
        }
        for (int row = start; row < whole; row++) {
            kernels.attendValues(tile, firstQuery + (row - first) * queriesPerHead, queriesPerHead,
                    batch.position(row) - position + 1);
        }
        kernels.attendValues(tile, firstQuery + (whole - first) * queriesPerHead, (end - whole) * queriesPerHead,
                AttentionTile.POSITIONS);
    }
}
