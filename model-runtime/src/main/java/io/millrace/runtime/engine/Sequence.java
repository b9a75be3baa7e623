package io.millrace.runtime.engine;

import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A conversation as the engine sees it: known tokens, how many of them are computed, and the blocks that hold their keys and
 * values. Made by {@link Engine#open}; it keeps its blocks between turns until {@link Engine#release}.
 *
 * <p>Everything belongs to the engine thread, except {@link #readBlock}. The lock guards the block table and the computed
 * count: the engine takes it whenever it changes one of them, so a reader sees blocks that stay this sequence's while it
 * copies. It is not held during a forward pass, which writes only positions that are not yet counted as computed.
 */
public final class Sequence {
    final GenerationListener listener;
    /** A turn was submitted and has not ended: one at a time. */
    final AtomicBoolean busy = new AtomicBoolean();
    private final KvBlockPool pool;
    private final Object lock = new Object();
    private final BlockTable blocks = new BlockTable();
    private int computed;
    private int[] tokens = {};
    private int known;
    private @Nullable Turn turn;
    /** Positions that are there once {@link #restore} is done; no more than {@link #computed} when nothing is to be done. */
    private int restorable;
    private int scheduled;
    private boolean evictionRequested;

    Sequence(GenerationListener listener, KvBlockPool pool) {
        this.listener = listener;
        this.pool = pool;
    }

    /**
     * Copies block {@code index} (positions {@code 16 * index} on) to {@code target}. Any thread; safe against a step, a
     * preemption and a release at the same time, and holds the engine up for the time of one copy at most.
     *
     * @param target {@link KvLayout#blockBytes()} bytes or more, on or off the heap; not touched when 0 is returned
     * @return how many of the block's positions are computed, 0 to 16; 0 when it is not in the arena. What the target holds
     *         of the others is unspecified
     */
    public int readBlock(int index, MemorySegment target) {
        Objects.checkIndex(index, Integer.MAX_VALUE / KvLayout.BLOCK_POSITIONS);
        synchronized (lock) {
            int positions = Math.min(KvLayout.BLOCK_POSITIONS, computed - index * KvLayout.BLOCK_POSITIONS);
            if (positions <= 0) {
                return 0;
            }
            MemorySegment.copy(pool.block(blocks.get(index)), 0, target, 0, pool.layout().blockBytes());
            return positions;
        }
    }

    boolean isOf(KvBlockPool other) {
        return pool == other;
    }

    /** A turn begins: what is resident stays as far as its tokens are the same. One position at least is left to compute. */
    void begin(Turn turn) {
        int[] next = turn.request.tokens();
        int resident = Math.min(computed, next.length);
        int mismatch = Arrays.mismatch(tokens, 0, resident, next, 0, resident);
        truncate(Math.min(mismatch < 0 ? resident : mismatch, next.length - 1));
        tokens = Arrays.copyOf(next, next.length);
        known = next.length;
        this.turn = turn;
        evictionRequested = false;
    }

    /** The turn is over; blocks beyond the computed positions go back. */
    void end() {
        turn = null;
        truncate(computed);
    }

    /** Gives blocks back and forgets their positions, from {@code positions} on. */
    void truncate(int positions) {
        synchronized (lock) {
            computed = Math.min(computed, positions);
            while (blocks.size() > KvLayout.blocksFor(computed)) {
                pool.release(blocks.removeLast());
            }
        }
    }

    /** The arena is gone: nothing is resident and nothing is given back. */
    void forget() {
        synchronized (lock) {
            computed = 0;
            blocks.clear();
        }
    }

    /** The turn's blocks are taken; it will be admitted again. */
    void preempt() {
        turn().preempted();
        truncate(0);
    }

    /** Takes blocks until {@code positions} fit; false when the pool ran out before. */
    boolean grow(int positions) {
        if (blocks.size() >= KvLayout.blocksFor(positions)) {
            return true;
        }
        synchronized (lock) {
            while (blocks.size() < KvLayout.blocksFor(positions)) {
                int block = pool.allocate();
                if (block < 0) {
                    return false;
                }
                blocks.append(block);
            }
            return true;
        }
    }

    /** The turn gets its blocks; positions that were saved elsewhere and are not resident are to be restored. */
    void admit() {
        Turn admitted = turn();
        grow(known);
        SavedKv cached = admitted.request.cached();
        int saved = cached == null ? 0 : Math.min(cached.positions(), known - 1);
        restorable = Math.max(saved, computed);
        admitted.admitted(restorable);
    }

    /**
     * Copies what is to be restored. The lock is not held meanwhile, since {@link SavedKv} is the caller's code: only blocks
     * that no reader looks at are written.
     */
    void restore() {
        SavedKv cached = turn().request.cached();
        if (cached == null || restorable <= computed) {
            return;
        }
        int first = computed / KvLayout.BLOCK_POSITIONS;
        publish(first * KvLayout.BLOCK_POSITIONS);
        for (int index = first; index < KvLayout.blocksFor(restorable); index++) {
            cached.copyBlock(index, pool.block(blocks.get(index)));
        }
        publish(restorable);
    }

    /** A step computed the scheduled positions. */
    void advance() {
        publish(computed + scheduled);
    }

    private void publish(int positions) {
        synchronized (lock) {
            computed = positions;
        }
    }

    /** A token was drawn. */
    void append(int token) {
        if (known == tokens.length) {
            tokens = Arrays.copyOf(tokens, tokens.length + Math.max(64, tokens.length / 2));
        }
        tokens[known++] = token;
    }

    Turn turn() {
        return Objects.requireNonNull(turn, "no turn runs");
    }

    boolean hasTurn() {
        return turn != null;
    }

    /** The tokens; only the first {@link #known()} count. */
    int[] tokens() {
        return tokens;
    }

    int known() {
        return known;
    }

    int computed() {
        return computed;
    }

    /** Known positions that a step has yet to compute; restorable ones are not among them. */
    int uncomputed() {
        return known - Math.max(computed, restorable);
    }

    BlockTable blocks() {
        return blocks;
    }

    /** Positions that the next step computes. */
    int scheduled() {
        return scheduled;
    }

    void schedule(int positions) {
        scheduled = positions;
    }

    boolean evictionRequested() {
        return evictionRequested;
    }

    void requestEviction() {
        evictionRequested = true;
    }
}
