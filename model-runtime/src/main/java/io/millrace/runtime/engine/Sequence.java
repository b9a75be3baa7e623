package io.millrace.runtime.engine;

import io.millrace.runtime.kv.BlockCopy;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.PrefixCache;
import io.millrace.runtime.kv.SavedKv;
import io.millrace.runtime.sampling.SamplingParameters;
import io.millrace.runtime.shard.Drawing;
import io.millrace.runtime.shard.MicroBatch;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A conversation as the engine sees it: known tokens, how many of them are computed, and the blocks that hold their keys and
 * values. Made by {@link Engine#open}; it keeps its blocks between turns until {@link Engine#release}.
 *
 * <p>Positions are first issued, by a step that computes this process's layers of them, and then computed, when the other
 * layers are too. Without further shards the two are the same between steps.
 *
 * <p>Everything belongs to the engine thread, except {@link #readBlock}. The lock guards the block table and the computed
 * count: the engine takes it whenever it changes one of them, so a reader sees blocks that stay this sequence's while it
 * copies. It is not held during a forward pass, which writes only positions that are not yet counted as computed.
 *
 * <p>Full blocks may be shared with other sequences, so they are never written; a block that is filled in part is this
 * sequence's alone.
 */
public final class Sequence implements Drawing {
    private static final int[] NONE = {};

    final String name;
    final GenerationListener listener;
    /** A turn was submitted and has not ended: one at a time. */
    final AtomicBoolean busy = new AtomicBoolean();
    private final KvBlockPool pool;
    private final Object lock = new Object();
    private final BlockTable blocks = new BlockTable();
    private final PrefixChain chain;
    private int computed;
    private int issued;
    /** Raised when positions are given up: what is under way of them does not count any more. */
    private int epoch;
    private int[] tokens = {};
    private int known;
    private @Nullable Turn turn;
    /** Positions that are there once {@link #restore} is done; no more than {@link #computed} when nothing is to be done. */
    private int restorable;
    /** Where the last restore began, until another shard was told; -1 when there is nothing to tell. */
    private int restoredFrom = -1;
    /** The block table as other shards know it. */
    private int[] sentBlocks = NONE;
    private int scheduled;
    /** Tokens after the known ones that the next step verifies. */
    private int drafted;
    private boolean evictionRequested;

    /**
     * @param name under which other shards know it
     * @param cache of the pool; null to share no blocks
     */
    Sequence(String name, GenerationListener listener, KvBlockPool pool, @Nullable PrefixCache cache) {
        this.name = name;
        this.listener = listener;
        this.pool = pool;
        this.chain = new PrefixChain(cache, pool, blocks);
    }

    /**
     * Copies block {@code index} (positions {@code 16 * index} on) to {@code target}. Any thread; safe against a step, a
     * preemption and a release at the same time, and holds the engine up for the time of one copy at most.
     *
     * @param target {@link KvLayout#blockBytes()} bytes or more, on or off the heap; not touched when no position is
     *        computed
     * @return which block it is and how many of its positions are computed. What the target holds of the others is unspecified
     */
    public BlockCopy readBlock(int index, MemorySegment target) {
        Objects.checkIndex(index, Integer.MAX_VALUE / KvLayout.BLOCK_POSITIONS);
        synchronized (lock) {
            int positions = Math.min(KvLayout.BLOCK_POSITIONS, computed - index * KvLayout.BLOCK_POSITIONS);
            if (positions <= 0) {
                return BlockCopy.NONE;
            }
            int block = blocks.get(index);
            MemorySegment.copy(pool.block(block), 0, target, 0, pool.layout().blockBytes());
            return new BlockCopy(block, positions);
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
        chain.salt(turn.request.cacheSalt());
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
        epoch++;
        restoredFrom = -1;
        synchronized (lock) {
            computed = Math.min(computed, positions);
            while (blocks.size() > KvLayout.blocksFor(computed)) {
                pool.release(blocks.removeLast());
            }
            if (computed % KvLayout.BLOCK_POSITIONS != 0) {
                ownLastBlock();
            }
            chain.truncate(computed / KvLayout.BLOCK_POSITIONS);
            issued = computed;
        }
    }

    /** The last block was perhaps full, and will be written again: nobody else may have it or find it. */
    private void ownLastBlock() {
        int last = blocks.get(blocks.size() - 1);
        if (pool.references(last) > 1) {
            pool.release(blocks.removeLast());
            computed -= computed % KvLayout.BLOCK_POSITIONS;
        } else {
            chain.withdraw(last);
        }
    }

    /** Forgets all positions, for other sequences that may find them too: they may be wrong. */
    void discard() {
        for (int i = 0; i < blocks.size(); i++) {
            chain.withdraw(blocks.get(i));
        }
        truncate(0);
    }

    /** The arena is gone: nothing is resident and nothing is given back. */
    void forget() {
        epoch++;
        synchronized (lock) {
            computed = 0;
            issued = 0;
            blocks.clear();
            chain.truncate(0);
        }
    }

    /** Another shard lacks what was saved of the turn: everything is computed again. */
    void loseSaved() {
        turn().savedKvLost = true;
        // The shards behind it have not heard of the blocks.
        sentBlocks = NONE;
        discard();
    }

    /** The turn's blocks are taken; it will be admitted again. */
    void preempt() {
        turn().preempted();
        truncate(0);
    }

    /** The rows that a step has just issued, for the next shard. */
    MicroBatch.Part part(int index) {
        int position = issued - scheduled;
        int[] table = blocks.toArray();
        int mismatch = Arrays.mismatch(sentBlocks, table);
        int from = mismatch < 0 ? table.length : mismatch;
        sentBlocks = table;
        int restore = restoredFrom < 0 ? position : restoredFrom;
        restoredFrom = -1;
        MicroBatch.RowDrawing drawing = null;
        if (issued == known) {
            drawing = new MicroBatch.RowDrawing(sampling(), topLogprobs(), promptTokens(), known,
                    sampling().readsTokens() ? Arrays.copyOf(tokens, known + drafted) : NONE,
                    Arrays.copyOfRange(tokens, known, known + drafted));
        }
        return new MicroBatch.Part(index, name, position, scheduled + drafted, from,
                Arrays.copyOfRange(table, from, table.length), restore, position, drawing);
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

    /** Free blocks that the turn needs to be admitted, as of now. */
    int missingBlocks() {
        chain.look(tokens, known - 1);
        return chain.foundPositions() > computed
                ? KvLayout.blocksFor(known) - chain.foundPositions() / KvLayout.BLOCK_POSITIONS + chain.cost()
                : KvLayout.blocksFor(known) - blocks.size();
    }

    /**
     * Whether the first block that this turn would compute if it were admitted is one that {@code other}, a running turn, has
     * yet to compute. Call after {@link #missingBlocks}.
     */
    boolean wouldRepeat(Sequence other) {
        int has = Math.max(chain.foundPositions(), Math.max(computed, saved()));
        int end = (has / KvLayout.BLOCK_POSITIONS + 1) * KvLayout.BLOCK_POSITIONS;
        return end < known && other.computed < end && end <= other.known && chain.sharesWith(other.chain)
                && Arrays.equals(tokens, 0, end, other.tokens, 0, end);
    }

    /**
     * The turn gets its blocks, those that hold its first positions from the cache; positions that were saved elsewhere and
     * are in neither are to be restored. Call after {@link #missingBlocks}.
     *
     * @return positions that the cache gave
     */
    int admit() {
        int found = Math.max(0, chain.foundPositions() - computed);
        if (found > 0) {
            synchronized (lock) {
                chain.take(tokens);
                computed = chain.foundPositions();
                issued = computed;
            }
        }
        grow(known);
        restorable = Math.max(saved(), computed);
        turn().admitted(restorable);
        return found;
    }

    /** Positions of the turn that were saved elsewhere. */
    private int saved() {
        SavedKv cached = turn().request.cached();
        return cached == null || turn().savedKvLost ? 0 : Math.min(cached.positions(), known - 1);
    }

    /**
     * Copies what is to be restored. The lock is not held meanwhile, since {@link SavedKv} is the caller's code: only blocks
     * that no reader looks at are written. Nobody shares them before a step has built on them: another shard may turn out not to
     * have them.
     */
    void restore() {
        SavedKv cached = turn().request.cached();
        if (cached == null || restorable <= computed) {
            return;
        }
        int first = computed / KvLayout.BLOCK_POSITIONS;
        setRestored(first * KvLayout.BLOCK_POSITIONS);
        for (int index = first; index < KvLayout.blocksFor(restorable); index++) {
            cached.copyBlock(index, pool.block(blocks.get(index)));
        }
        setRestored(restorable);
        restoredFrom = first * KvLayout.BLOCK_POSITIONS;
    }

    private void setRestored(int positions) {
        synchronized (lock) {
            computed = positions;
            issued = positions;
        }
    }

    /** A step computed this process's layers of the scheduled positions. */
    void issue() {
        issued += scheduled;
    }

    /** A step computed the positions up to {@code positions}, exclusive. */
    void advance(int positions) {
        setComputed(positions);
    }

    /** The token that was drawn last is the one that was drafted, and the step has computed it too. */
    void acceptDraft() {
        setComputed(computed + 1);
    }

    private void setComputed(int positions) {
        synchronized (lock) {
            computed = positions;
            issued = Math.max(issued, positions);
            chain.publish(tokens, positions);
        }
    }

    /**
     * Drafts tokens that may follow, and takes blocks for them.
     *
     * @param most tokens at most
     */
    void draft(PromptLookup lookup, int most) {
        // One token is drawn after the last draft.
        int room = Math.min(Math.min(most, lookup.maxTokens()), turn().maxKnown - known - 1);
        reserve(known + Math.max(0, room));
        drafted = lookup.draft(tokens, known, room);
        if (!grow(known + drafted)) {
            drafted = blocks.positions() - known;
        }
    }

    @Override
    public int drafted() {
        return drafted;
    }

    /** A token was drawn. */
    void append(int token) {
        reserve(known + 1);
        tokens[known++] = token;
    }

    private void reserve(int length) {
        if (length > tokens.length) {
            tokens = Arrays.copyOf(tokens, length + Math.max(64, length / 2));
        }
    }

    Turn turn() {
        return Objects.requireNonNull(turn, "no turn runs");
    }

    boolean hasTurn() {
        return turn != null;
    }

    @Override
    public SamplingParameters sampling() {
        return turn().request.sampling();
    }

    @Override
    public int topLogprobs() {
        return turn().request.topLogprobs();
    }

    @Override
    public int promptTokens() {
        return turn().promptTokens;
    }

    @Override
    public int draft(int i) {
        return tokens[known + i];
    }

    /** The tokens; only the first {@link #known()} count, and the drafted ones. */
    @Override
    public int[] tokens() {
        return tokens;
    }

    @Override
    public int known() {
        return known;
    }

    int computed() {
        return computed;
    }

    /** Positions that are computed or under way. */
    int issued() {
        return issued;
    }

    int epoch() {
        return epoch;
    }

    /** Known positions that a step has yet to issue; restorable ones are not among them. */
    int unissued() {
        return known - Math.max(issued, restorable);
    }

    BlockTable blocks() {
        return blocks;
    }

    /** Blocks that are free once this sequence is released: those that no other one shares. */
    int exclusiveBlocks() {
        int exclusive = 0;
        for (int i = 0; i < blocks.size(); i++) {
            exclusive += pool.references(blocks.get(i)) == 1 ? 1 : 0;
        }
        return exclusive;
    }

    /** Positions that the next step computes, drafted ones apart. */
    int scheduled() {
        return scheduled;
    }

    void schedule(int positions) {
        scheduled = positions;
        drafted = 0;
    }

    boolean evictionRequested() {
        return evictionRequested;
    }

    void requestEviction() {
        evictionRequested = true;
    }
}
