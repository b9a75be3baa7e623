package io.millrace.runtime.engine;

import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Decides what each step computes. After vLLM's scheduler: a sequence has known tokens and computed ones, and a step lets the
 * computed catch up. Rows of sequences that lack one position come first, prompts fill what is left of the step.
 *
 * <p>A turn is admitted when all of its known positions fit in free blocks, in order of {@link Turn#ORDER}, no one overtaking.
 * It takes the blocks that the prefix cache has of it. While a running turn is about to compute the next one, it waits, so that
 * many turns that begin alike compute their beginning once.
 *
 * <p>When blocks are short, idle sequences are asked for theirs, least recently used first. When not one row fits, blocks are
 * taken: from waiting turns, then from running ones, the last in order first. So the first running turn always goes on, and
 * since every turn fits the arena alone, all of them end.
 *
 * <p>Engine thread only; it computes nothing and calls no one.
 */
final class Scheduler {
    private final KvBlockPool pool;
    private final int maxNumSeqs;
    private final int maxNumBatchedTokens;
    private final int maxLogitRows;
    private final int depth;
    private final PromptLookup lookup;
    /** Both in order of turns. */
    private final List<Sequence> waiting = new ArrayList<>();
    private final List<Sequence> running = new ArrayList<>();
    /** Without a turn, with blocks; least recently used first. */
    private final List<Sequence> idle = new ArrayList<>();
    private final List<Sequence> step = new ArrayList<>();
    private final List<Sequence> evictions = new ArrayList<>();
    private int budget;
    private long cachedTokens;
    private long prefixCacheQueries;
    private long prefixCacheHits;
    private long preemptions;

    /**
     * @param maxLogitRows rows of logits of one step, {@code maxNumSeqs} or more; drafts take those that are left
     * @param depth steps that are under way at the same time; each takes its share of the running turns
     */
    Scheduler(KvBlockPool pool, int maxNumSeqs, int maxNumBatchedTokens, int maxLogitRows, int depth,
            PromptLookup lookup) {
        this.depth = depth;
        this.pool = pool;
        this.maxNumSeqs = maxNumSeqs;
        this.maxNumBatchedTokens = maxNumBatchedTokens;
        this.maxLogitRows = maxLogitRows;
        this.lookup = lookup;
    }

    /** A turn has begun on the sequence. */
    void add(Sequence sequence) {
        idle.remove(sequence);
        insert(waiting, sequence);
    }

    /** The sequence's turn has ended; call before {@link Sequence#end}. It stays resident. */
    void finish(Sequence sequence) {
        if (!running.remove(sequence)) {
            waiting.remove(sequence);
        }
        sequence.end();
        if (sequence.blocks().size() > 0) {
            idle.add(sequence);
        }
    }

    /** Takes the blocks of a sequence that has no turn. */
    void release(Sequence sequence) {
        idle.remove(sequence);
        sequence.truncate(0);
    }

    /**
     * Plans the next step: every returned sequence has {@link Sequence#scheduled()} positions to compute, and blocks for
     * them. Empty when there is nothing to do, or nothing can be done until idle sequences are released or a step that is under
     * way has ended. The list is reused.
     *
     * @param underWay whether another step is; then no blocks are taken, since its end may help
     */
    List<Sequence> plan(boolean underWay) {
        do {
            fill();
        } while (step.isEmpty() && !underWay && preempt());
        draft();
        requestEvictions();
        return step;
    }

    /** Idle sequences to be asked for their blocks, found by the last plan; each is named once until it has run again. */
    List<Sequence> evictions() {
        return evictions;
    }

    List<Sequence> waiting() {
        return waiting;
    }

    List<Sequence> running() {
        return running;
    }

    long cachedTokens() {
        return cachedTokens;
    }

    long prefixCacheQueries() {
        return prefixCacheQueries;
    }

    long prefixCacheHits() {
        return prefixCacheHits;
    }

    long preemptions() {
        return preemptions;
    }

    private void fill() {
        step.clear();
        budget = maxNumBatchedTokens;
        boolean blocked = false;
        int share = Math.ceilDiv(running.size(), depth);
        for (int i = 0; i < running.size() && budget > 0 && step.size() < share; i++) {
            Sequence sequence = running.get(i);
            if (sequence.unissued() == 1) {
                if (sequence.grow(sequence.known())) {
                    take(sequence);
                } else {
                    blocked = true;
                }
            }
        }
        for (int i = 0; i < running.size() && budget > 0; i++) {
            Sequence sequence = running.get(i);
            if (sequence.unissued() > 1) {
                take(sequence);
            }
        }
        // Even a turn that starts in blocks of its own would put off the preemption that a blocked one may need.
        while (!blocked && budget > 0 && running.size() < maxNumSeqs && !waiting.isEmpty()
                && waiting.get(0).missingBlocks() <= pool.free() && !wouldRepeat(waiting.get(0))) {
            Sequence sequence = waiting.remove(0);
            prefixCacheQueries += sequence.known() - sequence.computed();
            prefixCacheHits += sequence.admit();
            cachedTokens += sequence.known() - sequence.unissued();
            insert(running, sequence);
            take(sequence);
        }
    }

    private boolean wouldRepeat(Sequence sequence) {
        for (int i = 0; i < running.size(); i++) {
            if (sequence.wouldRepeat(running.get(i))) {
                return true;
            }
        }
        return false;
    }

    /** Rows that nothing else needs verify what the turns may say next. */
    private void draft() {
        if (lookup.maxTokens() == 0) {
            return;
        }
        int logitRows = maxLogitRows;
        for (int i = 0; i < step.size(); i++) {
            logitRows -= draws(step.get(i)) ? 1 : 0;
        }
        for (int i = 0; i < step.size() && budget > 0 && logitRows > 0; i++) {
            Sequence sequence = step.get(i);
            if (draws(sequence)) {
                sequence.draft(lookup, Math.min(budget, logitRows));
                budget -= sequence.drafted();
                logitRows -= sequence.drafted();
            }
        }
    }

    private static boolean draws(Sequence sequence) {
        return sequence.scheduled() == sequence.unissued();
    }

    private void take(Sequence sequence) {
        int positions = Math.min(budget, sequence.unissued());
        sequence.schedule(positions);
        budget -= positions;
        step.add(sequence);
    }

    /** Takes the blocks of the turn that is last in order, when that helps the first one; false when nothing is to be taken. */
    private boolean preempt() {
        if (running.isEmpty() && (waiting.isEmpty() || waiting.get(0).missingBlocks() <= pool.free() + idleBlocks())) {
            return false;
        }
        for (int i = waiting.size() - 1; i >= (running.isEmpty() ? 1 : 0); i--) {
            if (waiting.get(i).blocks().size() > 0) {
                takeBlocks(waiting.get(i));
                return true;
            }
        }
        if (running.size() > 1) {
            Sequence last = running.removeLast();
            insert(waiting, last);
            takeBlocks(last);
            return true;
        }
        return false;
    }

    /** A running turn begins anew: another shard lacks what it built on. */
    void restart(Sequence sequence) {
        running.remove(sequence);
        sequence.loseSaved();
        insert(waiting, sequence);
    }

    private void takeBlocks(Sequence sequence) {
        sequence.preempt();
        preemptions++;
    }

    /** Blocks are asked for before a running turn stands still: enough for its next 16 tokens. */
    private void requestEvictions() {
        evictions.clear();
        int missing = -pool.free();
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            int soon = Math.min(sequence.known() + KvLayout.BLOCK_POSITIONS, sequence.turn().maxKnown - 1);
            missing += Math.max(0, KvLayout.blocksFor(soon) - sequence.blocks().size());
        }
        if (!waiting.isEmpty() && running.size() < maxNumSeqs) {
            missing += waiting.get(0).missingBlocks();
        }
        for (int i = 0; i < idle.size() && missing > 0; i++) {
            if (idle.get(i).evictionRequested()) {
                missing -= idle.get(i).exclusiveBlocks();
            }
        }
        for (int i = 0; i < idle.size() && missing > 0; i++) {
            Sequence sequence = idle.get(i);
            if (!sequence.evictionRequested()) {
                sequence.requestEviction();
                evictions.add(sequence);
                missing -= sequence.exclusiveBlocks();
            }
        }
    }

    private int idleBlocks() {
        int blocks = 0;
        for (int i = 0; i < idle.size(); i++) {
            blocks += idle.get(i).exclusiveBlocks();
        }
        return blocks;
    }

    private static void insert(List<Sequence> ordered, Sequence sequence) {
        int at = ordered.size();
        while (at > 0 && Turn.ORDER.compare(sequence.turn(), ordered.get(at - 1).turn()) < 0) {
            at--;
        }
        ordered.add(at, sequence);
    }
}
