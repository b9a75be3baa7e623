package io.millrace.operator.session;

import io.millrace.operator.metrics.ShardMetrics;
import io.millrace.operator.shard.ShardMessage;
import io.millrace.operator.state.KvState;
import io.millrace.operator.state.SessionStore;
import io.millrace.runtime.kv.SavedKv;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.schemas.state.QueuedPrompt;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The live sessions: a write-back cache, on heap and in the engine's arena, of what keyed state holds. A session is live
 * while it has work or blocks. The queue is written as it changes; the record and the KV blocks in {@link #saveAll}, when the
 * session leaves the engine, and when it leaves the heap. Task thread only; every method but {@link #saveAll} and {@link
 * #abandon} expects the session's key to be the current one.
 */
final class SessionCache {
    private final Map<String, LiveSession> live = new HashMap<>();
    private final SessionStore store;
    private final KvState kv;
    private final SessionHost host;
    private final ShardMetrics metrics;
    private final long ttlMillis;

    SessionCache(SessionStore store, KvState kv, SessionHost host, ShardMetrics metrics, long ttlMillis) {
        this.store = store;
        this.kv = kv;
        this.host = host;
        this.metrics = metrics;
        this.ttlMillis = ttlMillis;
    }

    /** Sessions on heap. */
    int size() {
        return live.size();
    }

    /** The session of the current key, from the heap, from state or new. {@link #settle} it when done. */
    LiveSession get(String key) throws Exception {
        LiveSession session = live.get(key);
        if (session == null) {
            session = LiveSession.of(key, store.session(), store.queue());
            live.put(key, session);
        }
        return session;
    }

    /** The session was used now: it expires later. */
    void touch(LiveSession session) {
        session.lastAccessMillis = host.currentMillis();
        if (session.timerMillis == 0) {
            setTimer(session, session.lastAccessMillis + ttlMillis);
        }
        session.dirty = true;
    }

    /** When it expires if it is not used again. */
    long expiryMillis(LiveSession session) {
        return session.lastAccessMillis + ttlMillis;
    }

    /** Sets the session's one timer, after the earlier one has fired. */
    void setTimer(LiveSession session, long millis) {
        session.timerMillis = millis;
        session.dirty = true;
        host.setTimer(millis);
    }

    /** Adds a prompt to the queue. */
    void enqueue(LiveSession session, QueuedPrompt prompt) throws Exception {
        store.enqueue(prompt);
        session.queue.addLast(prompt);
    }

    /** A prompt has left the queue. */
    void dequeued(LiveSession session) throws Exception {
        store.putQueue(session.queue);
        touch(session);
    }

    /** The KV blocks that state holds and this engine can use, or null when there are none. */
    @Nullable
    SavedKv loadKv(LiveSession session) throws Exception {
        SavedKv saved = kv.load(session.savedPositions);
        int positions = saved == null ? 0 : saved.positions();
        metrics.restored(positions);
        if (positions < session.savedPositions) {
            metrics.missing();
        }
        session.savedPositions = positions;
        return saved;
    }

    /** Writes the blocks that state does not hold and gives all of them back; what is still reported of them is dropped. */
    void leaveEngine(LiveSession session) throws Exception {
        // The engine may be ahead of what was committed: positions of tokens that are not known here are left out.
        saveKv(session, session.tokens.size());
        leave(session);
    }

    /** What state has of the session's positions is not there in every shard: they are written again as they are computed. */
    void lost(LiveSession session) {
        session.savedPositions = 0;
        session.dirty = true;
    }

    /** The sessions whose turn runs. */
    List<LiveSession> running() {
        return live.values().stream().filter(session -> session.turn() != null).toList();
    }

    /** A session without work keeps its blocks in the arena; without blocks it leaves the heap. */
    void settle(LiveSession session) throws Exception {
        if (session.busy()) {
            return;
        }
        if (session.stateless()) {
            dropConversation(session);
        }
        if (session.residency() == null) {
            if (session.dirty) {
                write(session);
            }
            live.remove(session.key);
        }
    }

    /** A stateless request remembers nothing but its id. */
    private void dropConversation(LiveSession session) {
        leave(session);
        if (session.savedPositions > 0) {
            kv.clear();
            host.emit(new ShardMessage.Forget(session.key));
        }
        session.fallBack(0);
        session.turns = 0;
        session.committedPositions = 0;
    }

    /** Forgets all of a session, its timer too. */
    void forget(LiveSession session) {
        leave(session);
        store.clear();
        host.emit(new ShardMessage.Forget(session.key));
        if (session.timerMillis != 0) {
            host.deleteTimer(session.timerMillis);
        }
        live.remove(session.key);
    }

    /**
     * Writes what state does not hold yet, of every session; sets the current key itself.
     *
     * @param lastBlocks whether that includes the last blocks of running turns, which have changed by the next time. Without
     *        them less is written by far, and a restore computes up to a block's positions again, to the same bits
     */
    void saveAll(boolean lastBlocks) throws Exception {
        for (LiveSession session : live.values()) {
            boolean running = session.turn() != null;
            if (session.dirty || running) {
                host.setCurrentKey(session.key);
                int known = session.tokens.size();
                int fullBlocks = known - known % KvLayout.BLOCK_POSITIONS;
                saveKv(session, running && !lastBlocks ? Math.max(fullBlocks, session.committedPositions) : known);
                write(session);
            }
        }
    }

    /** Gives the engine's blocks back without writing them; the sessions are of no use afterwards. */
    void abandon() {
        live.values().forEach(SessionCache::release);
        live.clear();
    }

    private void leave(LiveSession session) {
        if (session.residency() != null) {
            host.emit(new ShardMessage.Leave(session.key));
        }
        release(session);
    }

    private static void release(LiveSession session) {
        Residency residency = session.residency();
        if (residency != null) {
            residency.release();
            session.residency(null);
        }
    }

    private void saveKv(LiveSession session, int limit) throws Exception {
        Residency residency = session.residency();
        if (residency != null) {
            int before = session.savedPositions;
            KvState.Saved saved = kv.save(residency.sequence()::readBlock, before, limit);
            if (saved.blocks().length > 0) {
                host.emit(new ShardMessage.Save(session.key, before, saved.positions(), saved.blocks()));
            }
            metrics.saved(saved.blocks().length);
            session.dirty |= saved.positions() != before;
            session.savedPositions = saved.positions();
        }
    }

    private void write(LiveSession session) throws Exception {
        store.putSession(session.toRecord());
        session.dirty = false;
    }
}
