package io.millrace.runtime.engine;

import io.millrace.runtime.tokenizer.TextStream;
import io.millrace.runtime.tokenizer.Tokenizer;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/** The running turn of a sequence: its request, its text, its counters. Engine thread only. */
final class Turn {
    /** Lower priority values first, then in order of arrival. A turn keeps its place when it is preempted. */
    static final Comparator<Turn> ORDER = Comparator.<Turn>comparingInt(turn -> turn.request.priority())
            .thenComparingLong(turn -> turn.arrival);

    final GenerationRequest request;
    final TextStream text;
    /** Tokens before the first generated one. */
    final int promptTokens;
    /** Known tokens at which the turn ends, by its own limit or the context's. */
    final int maxKnown;
    /** Whether what was saved of it turned out not to be there in every shard. */
    boolean savedKvLost;
    private final int[] stopTokens;
    private final long arrival;
    private final long submittedNanos;
    private long startedNanos;
    private long firstTokenNanos;
    private boolean started;
    private boolean admitted;
    private int cachedTokens;
    private int computedTokens;
    private int foundPositions;
    private int preemptions;

    Turn(GenerationRequest request, Tokenizer tokenizer, int contextLength, long arrival, long submittedNanos) {
        this.request = request;
        this.text = new TextStream(tokenizer, request.stop());
        this.promptTokens = request.tokens().length - request.generated();
        this.maxKnown = (int) Math.min(contextLength, (long) promptTokens + request.maxNewTokens());
        this.stopTokens = request.stopTokens().stream().mapToInt(Integer::intValue).toArray();
        this.arrival = arrival;
        this.submittedNanos = submittedNanos;
    }

    /**
     * Brings the text to where a restored turn was, without reporting it again.
     *
     * @return why the turn had ended there already, else null
     */
    @Nullable
    FinishReason replay() {
        FinishReason finish = promptTokens >= maxKnown ? FinishReason.LENGTH : null;
        for (int i = promptTokens; i < request.tokens().length && finish == null; i++) {
            text.append(request.tokens()[i]);
            finish = finishAfter(request.tokens()[i], i + 1);
        }
        return finish;
    }

    /** Why the turn ends after {@code token}, the last of {@code known}, went to the text; null when it goes on. */
    @Nullable
    FinishReason finishAfter(int token, int known) {
        if (text.stopped()) {
            return FinishReason.STOP;
        }
        for (int stopToken : stopTokens) {
            if (token == stopToken) {
                return FinishReason.STOP;
            }
        }
        return known >= maxKnown ? FinishReason.LENGTH : null;
    }

    boolean expired(long now) {
        return request.deadlineNanos() != Long.MAX_VALUE && now - request.deadlineNanos() >= 0;
    }

    /**
     * The turn is scheduled and the first {@code positions} positions need not be computed. After a preemption the turn may
     * find positions that it computed itself: they are not cached ones.
     */
    void admitted(int positions) {
        cachedTokens = Math.min(positions, admitted ? cachedTokens : promptTokens);
        foundPositions = admitted ? foundPositions : positions;
        admitted = true;
    }

    void preempted() {
        preemptions++;
    }

    /** A step that began at {@code stepStarted} computed positions {@code from .. to - 1}. */
    void computed(int from, int to, long stepStarted) {
        computedTokens += Math.max(0, Math.min(to, promptTokens) - from);
        if (!started) {
            started = true;
            startedNanos = stepStarted;
        }
    }

    /** A token was drawn. */
    void drew(long now) {
        if (firstTokenNanos == 0) {
            firstTokenNanos = Math.max(1, now - submittedNanos);
        }
    }

    TurnTiming timing(long now) {
        return new TurnTiming(cachedTokens, computedTokens, foundPositions,
                (started ? startedNanos : now) - submittedNanos,
                firstTokenNanos, now - submittedNanos, preemptions);
    }
}
