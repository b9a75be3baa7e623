package io.millrace.operator.session;

import io.millrace.operator.SessionInputs;
import io.millrace.operator.state.Tokens;
import io.millrace.schemas.state.QueuedPrompt;
import io.millrace.schemas.state.RunningTurn;
import io.millrace.schemas.state.SessionRecord;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A session on heap: one that has prompts to answer, or blocks in the engine's arena. A write-back cache of keyed state, in
 * which {@link #dirty} says that the record in state is older. Task thread only.
 */
final class LiveSession {
    final String key;
    final Tokens tokens;
    /** Accepted and not answered, the running one first; the same as in state. */
    final Deque<QueuedPrompt> queue = new ArrayDeque<>();
    final Deque<String> recentRequestIds;
    /** Tools that the conversation was given: their names, and the hash of what was said of them. */
    final Map<String, Integer> tools;
    /** The turns that {@link #tokens} hold, oldest first, the running one last. */
    final List<KeptTurn> keptTurns = new ArrayList<>();
    /** Tokens that the conversation never forgets, its beginning with the system messages; 0 when there is none or not known. */
    int systemTokens;
    /** Of the vocabulary that {@link #tokens} belong to; empty when there are none yet. */
    String vocabulary;
    /** Of the model that ran the last turn; empty when there was none. */
    String modelFingerprint;
    int turns;
    /** Positions that the finished turns computed. */
    int committedPositions;
    /** Positions that KV blocks in state hold. */
    int savedPositions;
    long lastAccessMillis;
    /** Of the expiry timer; 0 when there is none yet. */
    long timerMillis;
    boolean dirty;
    @Nullable
    private Turn turn;
    @Nullable
    private Residency residency;

    private LiveSession(String key, SessionRecord record) {
        this.key = key;
        this.tokens = Tokens.unpack(record.getTokens());
        this.recentRequestIds = new ArrayDeque<>(record.getRecentRequestIds());
        this.tools = new LinkedHashMap<>(record.getTools());
        this.vocabulary = record.getVocabulary();
        this.modelFingerprint = record.getModelFingerprint();
        this.turns = record.getTurns();
        this.committedPositions = record.getCommittedPositions();
        this.savedPositions = record.getSavedPositions();
        this.lastAccessMillis = record.getLastAccessMs();
        this.timerMillis = record.getTimerMs();
        this.systemTokens = record.getSystemTokens();
        record.getKeptTurns().forEach(
                saved -> keptTurns.add(new KeptTurn(saved.getStart(), List.copyOf(saved.getTools()))));
        RunningTurn running = record.getRunning();
        this.turn = running == null ? null : Turn.of(running);
    }

    /** The session as state holds it; a new one when {@code record} is null. */
    static LiveSession of(String key, @Nullable SessionRecord record, Iterable<QueuedPrompt> queued) {
        LiveSession session = new LiveSession(key, record == null ? SessionRecord.newBuilder().build() : record);
        queued.forEach(session.queue::add);
        return session;
    }

    /** The session as state should hold it. */
    SessionRecord toRecord() {
        return SessionRecord.newBuilder().setTokens(tokens.pack()).setVocabulary(vocabulary)
                .setModelFingerprint(modelFingerprint).setTurns(turns).setCommittedPositions(committedPositions)
                .setSavedPositions(savedPositions).setTools(new LinkedHashMap<>(tools))
                .setRecentRequestIds(new ArrayList<>(recentRequestIds)).setLastAccessMs(lastAccessMillis)
                .setTimerMs(timerMillis).setSystemTokens(systemTokens).setKeptTurns(savedTurns())
                .setRunning(turn == null ? null : turn.toRecord()).build();
    }

    private List<io.millrace.schemas.state.KeptTurn> savedTurns() {
        List<io.millrace.schemas.state.KeptTurn> saved = new ArrayList<>();
        keptTurns.forEach(
                each -> saved.add(new io.millrace.schemas.state.KeptTurn(each.start(), new ArrayList<>(each.tools()))));
        return saved;
    }

    /** Whether it is one request without a conversation, which remembers nothing but its id. */
    boolean stateless() {
        return SessionInputs.isStateless(key);
    }

    /** Whether a prompt is answered or waits to be. */
    boolean busy() {
        return !queue.isEmpty();
    }

    /** Prompts that wait for the running turn. */
    int waiting() {
        return queue.size() - (turn == null ? 0 : 1);
    }

    boolean knows(String requestId) {
        return recentRequestIds.contains(requestId)
                || queue.stream().anyMatch(queued -> queued.getPrompt().getId().equals(requestId));
    }

    void remember(String requestId, int window) {
        recentRequestIds.addLast(requestId);
        while (recentRequestIds.size() > window) {
            recentRequestIds.removeFirst();
        }
        dirty = true;
    }

    /** The turn of the first prompt of the queue, when it has begun. */
    @Nullable
    Turn turn() {
        return turn;
    }

    /** Begins a turn, or with null ends it. */
    void turn(@Nullable Turn next) {
        turn = next;
        dirty = true;
    }

    /** Tokens that the turn has generated. */
    int generated(Turn running) {
        return tokens.size() - running.promptTokens;
    }

    /** False for conversations that a build began which did not tell turns apart: nothing of them can be forgotten. */
    boolean tellsTurnsApart() {
        return systemTokens > 0 || tokens.size() == 0;
    }

    /** The conversation falls back to {@code size} tokens: what state holds of later positions does not count any more. */
    void fallBack(int size) {
        dirty |= tokens.size() > size || savedPositions > size;
        tokens.truncate(size);
        savedPositions = Math.min(savedPositions, size);
        while (!keptTurns.isEmpty() && keptTurns.getLast().start() >= size) {
            // Nobody has told the model of these tools any more.
            keptTurns.removeLast().tools().forEach(tools::remove);
        }
        if (size == 0) {
            tools.clear();
            systemTokens = 0;
        }
    }

    /** Tokens of the conversation when those of {@code turns} are forgotten. */
    int sizeWithout(List<KeptTurn> turns) {
        int size = tokens.size();
        for (int i = 0; i < keptTurns.size(); i++) {
            if (turns.contains(keptTurns.get(i))) {
                size -= end(i) - keptTurns.get(i).start();
            }
        }
        return size;
    }

    private int end(int turn) {
        return turn + 1 < keptTurns.size() ? keptTurns.get(turn + 1).start() : tokens.size();
    }

    /** Forgets some of {@link #keptTurns}, oldest first: positions from the first of them on do not count any more. */
    void forget(List<KeptTurn> turns) {
        int unchanged = turns.getFirst().start();
        int[] all = tokens.toArray(0);
        List<KeptTurn> before = List.copyOf(keptTurns);
        tokens.truncate(unchanged);
        keptTurns.removeIf(each -> each.start() >= unchanged);
        for (int i = keptTurns.size(); i < before.size(); i++) {
            KeptTurn each = before.get(i);
            if (!turns.contains(each)) {
                int end = i + 1 < before.size() ? before.get(i + 1).start() : all.length;
                keptTurns.add(new KeptTurn(tokens.size(), each.tools()));
                tokens.addAll(Arrays.copyOfRange(all, each.start(), end));
            }
        }
        savedPositions = Math.min(savedPositions, unchanged);
        committedPositions = Math.min(committedPositions, unchanged);
        dirty = true;
    }

    /** The session's stay in the engine, or null when it is not there. */
    @Nullable
    Residency residency() {
        return residency;
    }

    void residency(@Nullable Residency next) {
        residency = next;
    }
}
