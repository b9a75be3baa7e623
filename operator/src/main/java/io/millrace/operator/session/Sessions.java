package io.millrace.operator.session;

import io.millrace.operator.MillraceOptions;
import io.millrace.operator.OperatorSettings;
import io.millrace.operator.metrics.SessionMetrics;
import io.millrace.operator.session.EngineInbox.Report;
import io.millrace.runtime.engine.FinishReason;
import io.millrace.runtime.engine.GenerationRequest;
import io.millrace.runtime.engine.GenerationStep;
import io.millrace.runtime.kv.SavedKv;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import io.millrace.schemas.state.Origin;
import io.millrace.schemas.state.QueuedPrompt;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.apache.avro.specific.SpecificRecordBase;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sessions of a subtask. Per session one turn at a time, in order of arrival; the engine batches across sessions. Task
 * thread only; the methods that take a key, and those that say so, expect it to be the current one.
 */
final class Sessions {
    private static final Logger LOG = LoggerFactory.getLogger(Sessions.class);

    private static final String INVALID_CONTROL = "invalid_control";
    private static final long FOREVER_MILLIS = TimeUnit.DAYS.toMillis(3650);

    private final OperatorSettings settings;
    private final SharedEngine engine;
    private final SessionCache cache;
    private final EngineInbox inbox;
    private final SessionHost host;
    private final PromptValidator validator;
    private final TurnPlanner planner;
    private final TurnReporter reporter;
    private final Deadlines deadlines;
    private final SessionMetrics metrics;
    private int accepted;

    Sessions(OperatorSettings settings, SharedEngine engine, SessionCache cache, EngineInbox inbox, SessionHost host,
            SessionMetrics metrics) {
        this.settings = settings;
        this.engine = engine;
        this.cache = cache;
        this.inbox = inbox;
        this.host = host;
        this.validator = new PromptValidator(settings, engine.tokenizer().vocabularySize());
        this.planner = new TurnPlanner(engine.format(), engine.tokenizer().specials(), settings,
                new SessionLimits(settings, engine.modelContext(), engine.engine().kvCapacityPositions()),
                engine.vocabulary(), engine.fingerprint());
        this.deadlines = new Deadlines(host);
        this.metrics = metrics;
        this.reporter = new TurnReporter(engine, host, metrics, settings.stream());
    }

    /** Prompts that are accepted and not answered. */
    int accepted() {
        return accepted;
    }

    // --------------------------------------------------------------------------------------------------- input

    /** Takes a prompt in: it is in state when this returns. Drops a duplicate. */
    void accept(String key, PromptEvent prompt, @Nullable Origin origin) throws Exception {
        try {
            validator.validate(prompt);
        } catch (RejectedPromptException e) {
            reject(e.code(), e.reason(), prompt, origin);
            if (prompt.getId() != null && !prompt.getId().isBlank()) {
                // Somebody may wait for it.
                reporter.refused(prompt, null, e);
            }
            return;
        }
        LiveSession session = cache.get(key);
        if (session.knows(prompt.getId())) {
            LOG.debug("Request {} of session {} is a duplicate and is dropped", prompt.getId(), key);
            metrics.duplicate();
        } else {
            cache.touch(session);
            session.remember(prompt.getId(), settings.duplicateWindow());
            if (session.waiting() < settings.maxQueuedPrompts() || session.turn() == null) {
                QueuedPrompt queued = new QueuedPrompt(prompt, origin, host.currentMillis());
                cache.enqueue(session, queued);
                deadlines.watch(queued);
                accepted++;
            } else {
                reporter.refused(prompt, null, new RejectedPromptException("queue_full", "conversation_id: "
                        + session.waiting() + " prompts of this conversation wait already, as many as "
                        + MillraceOptions.MAX_QUEUED_PROMPTS.key()
                        + " permits; send it again, with another id, when some are answered"));
            }
        }
        advance(session);
    }

    /** Makes a dead letter of an input. */
    void reject(String code, String message, SpecificRecordBase event, @Nullable Origin origin) {
        LOG.debug("Dead letter {}: {}", code, message);
        metrics.deadLetter();
        host.emit(DeadLetters.of(code, message, event, origin));
    }

    /** Obeys a control. */
    void control(String key, SessionControl control, @Nullable Origin origin) throws Exception {
        String requestId = control.getRequestId();
        switch (control.getAction()) {
            case "cancel" -> {
                if (requestId == null || requestId.isBlank()) {
                    reject(INVALID_CONTROL, "request_id: missing; cancel needs the request to cancel", control, origin);
                } else {
                    cancel(key, requestId);
                }
            }
            case "end_session" -> {
                if (control.getConversationId() == null || control.getConversationId().isBlank()) {
                    reject(INVALID_CONTROL, "conversation_id: missing; end_session needs the conversation to end",
                            control, origin);
                } else {
                    end(key);
                }
            }
            case null, default -> reject(INVALID_CONTROL,
                    "action: '" + control.getAction() + "' is neither cancel nor end_session", control, origin);
        }
    }

    /** Ends a request of this session, running or waiting; one that was answered already is left alone. */
    private void cancel(String key, String requestId) throws Exception {
        LiveSession session = cache.get(key);
        Turn turn = session.turn();
        if (turn != null && session.queue.getFirst().getPrompt().getId().equals(requestId)) {
            cancelTurn(session, turn);
        } else {
            for (Iterator<QueuedPrompt> waiting = session.queue.iterator(); waiting.hasNext();) {
                QueuedPrompt queued = waiting.next();
                if (queued.getPrompt().getId().equals(requestId)) {
                    waiting.remove();
                    answered(session, queued);
                    reporter.cancelled(queued.getPrompt());
                }
            }
        }
        advance(session);
    }

    /** Ends every request of this session and forgets it. */
    private void end(String key) throws Exception {
        LiveSession session = cache.get(key);
        Turn turn = session.turn();
        if (turn != null) {
            cancelTurn(session, turn);
        }
        while (session.busy()) {
            QueuedPrompt queued = session.queue.removeFirst();
            answered(session, queued);
            reporter.cancelled(queued.getPrompt());
        }
        cache.forget(session);
    }

    /** A timer of the session fired: that of its expiry, or of a deadline. */
    void onTimer(String key, long timerMillis) throws Exception {
        LiveSession session = cache.get(key);
        answerExpired(session);
        if (session.timerMillis != timerMillis) {
            advance(session);
            return;
        }
        long now = host.currentMillis();
        if (session.busy()) {
            cache.setTimer(session, now + settings.ttlMillis());
            advance(session);
        } else if (cache.expiryMillis(session) > now) {
            cache.setTimer(session, cache.expiryMillis(session));
            advance(session);
        } else {
            LOG.debug("Session {} was not used for {} ms and is forgotten", key, settings.ttlMillis());
            metrics.expired();
            cache.forget(session);
        }
    }

    /** Answers the waiting prompts whose deadline has passed. */
    private void answerExpired(LiveSession session) throws Exception {
        Iterator<QueuedPrompt> waiting = session.queue.iterator();
        if (session.turn() != null) {
            waiting.next();
        }
        while (waiting.hasNext()) {
            QueuedPrompt queued = waiting.next();
            if (deadlines.passed(queued)) {
                waiting.remove();
                answered(session, queued);
                reporter.expired(queued.getPrompt());
            }
        }
    }

    // -------------------------------------------------------------------------------------------------- engine

    /** Reads what the engine reports; sets the current key itself. */
    void read(Report report) throws Exception {
        switch (report) {
            case Report.Step(Residency residency, GenerationStep step) when residency.current() ->
                commit(residency.session(), step);
            case Report.Eviction(Residency residency) when residency.current() -> evict(residency.session());
            case Report.Lost(Residency residency) when residency.current() -> cache.lost(residency.session());
            case Report.Failure(Throwable cause) ->
                throw new IllegalStateException("the inference engine failed: " + cause, cause);
            case Report.Step _,Report.Eviction _,Report.Lost _ ->
                LOG.trace("A report of a stay that is over is dropped");
        }
    }

    private void commit(LiveSession session, GenerationStep step) throws Exception {
        host.setCurrentKey(session.key);
        Turn turn = Objects.requireNonNull(session.turn(), "a step without a turn");
        if (step.token() >= 0) {
            session.tokens.add(step.token());
        }
        session.dirty = true;
        reporter.step(session, turn, step);
        FinishReason finish = step.finish();
        if (finish != null) {
            finish(session, turn, finish, step.error(), step.computedPositions());
            advance(session);
        }
    }

    private void evict(LiveSession session) throws Exception {
        if (session.busy()) {
            return;
        }
        host.setCurrentKey(session.key);
        cache.leaveEngine(session);
        metrics.evicted();
        cache.settle(session);
    }

    // --------------------------------------------------------------------------------------------------- turns

    /** Begins the session's next turn when none runs; a session without work or blocks leaves the heap. */
    private void advance(LiveSession session) throws Exception {
        answerExpired(session);
        while (session.turn() == null && session.busy()) {
            QueuedPrompt next = session.queue.getFirst();
            try {
                begin(session, next);
            } catch (RejectedPromptException e) {
                session.queue.removeFirst();
                answered(session, next);
                reporter.refused(next.getPrompt(), turnNumber(session), e);
            }
        }
        cache.settle(session);
    }

    private void begin(LiveSession session, QueuedPrompt queued) throws Exception {
        Prompt prompt = validator.validate(queued.getPrompt());
        TurnPlanner.Plan plan = planner.plan(session, prompt, queued.getAcceptedMs());
        if (!plan.forgotten().isEmpty()) {
            // As when a turn falls back: the arena must not show positions under tokens that are not theirs.
            cache.leaveEngine(session);
            session.forget(plan.forgotten());
            metrics.forgotten(plan.forgotten().size());
        }
        session.tokens.addAll(plan.tokens());
        session.vocabulary = engine.vocabulary();
        try {
            submit(session, plan.turn(), queued);
        } catch (IllegalArgumentException e) {
            session.fallBack(plan.turn().historyTokens);
            throw new RejectedPromptException("context_length_exceeded", String.valueOf(e.getMessage()));
        }
        session.tools.putAll(plan.tools());
        session.keptTurns.add(plan.kept());
        session.systemTokens = plan.systemTokens();
        session.turn(plan.turn());
    }

    /** Throws {@link IllegalArgumentException} when the turn can never fit; nothing is in the engine then. */
    private void submit(LiveSession session, Turn turn, QueuedPrompt queued) throws Exception {
        SavedKv cached = null;
        Residency residency = session.residency();
        if (residency == null) {
            cached = cache.loadKv(session);
            residency = new Residency(session, engine.engine(), inbox);
        }
        turn.submittedMillis = host.currentMillis();
        turn.preemptions = 0;
        Turn.Parameters parameters = turn.parameters;
        residency.submit(new GenerationRequest(queued.getPrompt().getId(), session.tokens.toArray(0),
                session.generated(turn), parameters.sampling(), parameters.maxNewTokens(), engine.stopTokens(),
                parameters.stop(), parameters.topLogprobs(), parameters.priority(),
                deadlineNanos(turn), Objects.requireNonNullElse(queued.getPrompt().getCacheSalt(), ""), cached));
        session.residency(residency);
        session.modelFingerprint = engine.fingerprint();
    }

    private static long deadlineNanos(Turn turn) {
        Long deadline = turn.parameters.deadlineMillis();
        if (deadline == null) {
            return Long.MAX_VALUE;
        }
        long left = Math.clamp(deadline - turn.submittedMillis, 0, FOREVER_MILLIS);
        return System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(left);
    }

    /** Ends the running turn: the conversation keeps it, or falls back to before it when nothing was said or it failed. */
    private void finish(LiveSession session, Turn turn, FinishReason reason, @Nullable String error,
            int computedPositions) throws Exception {
        QueuedPrompt queued = session.queue.removeFirst();
        reporter.finish(session, turn, queued, turnNumber(session), reason, error);
        if (reason == FinishReason.ERROR) {
            // Whoever looks into it needs the request as it came.
            reject(TurnReporter.GENERATION_FAILED, String.valueOf(error), queued.getPrompt(), queued.getOrigin());
        }
        if (reason != FinishReason.ERROR && session.generated(turn) > 0) {
            session.turns++;
            session.committedPositions = computedPositions;
        } else {
            // The arena may hold positions of the tokens that are dropped, and must not show them under those of the next
            // turn, which the engine does not know yet when a checkpoint follows now.
            session.fallBack(turn.historyTokens);
            cache.leaveEngine(session);
        }
        session.turn(null);
        answered(session, queued);
    }

    /**
     * Ends the running turn here and now, with what was committed: a cancellation that waited for the engine could be lost in
     * a failure, after its control was read.
     */
    private void cancelTurn(LiveSession session, Turn turn) throws Exception {
        cache.leaveEngine(session);
        finish(session, turn, FinishReason.CANCELLED, null, session.savedPositions);
    }

    private static @Nullable Integer turnNumber(LiveSession session) {
        return session.stateless() ? null : session.turns + 1;
    }

    /** After a prompt left the queue. */
    private void answered(LiveSession session, QueuedPrompt queued) throws Exception {
        deadlines.forget(session, queued);
        cache.dequeued(session);
        accepted--;
    }

    // --------------------------------------------------------------------------------------------------- state

    /**
     * Brings the sessions with work back after a restore, and goes on where the checkpoint left them: in order of priority and
     * arrival, for the engine begins with those that it gets first. Sets the current key itself.
     */
    void restore(List<String> keys) throws Exception {
        List<LiveSession> sessions = new ArrayList<>();
        for (String key : keys) {
            host.setCurrentKey(key);
            sessions.add(cache.get(key));
        }
        sessions.sort(Comparator.comparingInt(Sessions::priority)
                .thenComparingLong(session -> session.queue.getFirst().getAcceptedMs()));
        for (LiveSession session : sessions) {
            host.setCurrentKey(session.key);
            restore(session);
        }
    }

    private static int priority(LiveSession session) {
        return Objects.requireNonNullElse(session.queue.getFirst().getPrompt().getPriority(), 0);
    }

    private void restore(LiveSession session) throws Exception {
        accepted += session.queue.size();
        // State of older builds has no timers of deadlines.
        session.queue.forEach(deadlines::watch);
        Turn turn = session.turn();
        if (turn != null) {
            turn.restarts++;
        }
        goOn(session);
    }

    /** Submits the turn that another stay in an engine began, if any, and begins the next one if it cannot go on. */
    private void goOn(LiveSession session) throws Exception {
        Turn turn = session.turn();
        if (turn != null) {
            try {
                planner.checkModel(session);
                turn.resumed(session.tokens.toArray(turn.promptTokens), engine.tokenizer().specials().pythonTag(),
                        computedPositions(session, turn));
                submit(session, turn, session.queue.getFirst());
            } catch (IllegalArgumentException | RejectedPromptException e) {
                finish(session, turn, FinishReason.ERROR, e.getMessage(), 0);
            }
        }
        advance(session);
    }

    /** Positions that are known to be computed. The last token of a turn that speaks is not. */
    private static int computedPositions(LiveSession session, Turn turn) {
        int computed = Math.max(session.committedPositions, session.savedPositions);
        return session.generated(turn) > 0 ? Math.max(computed, session.tokens.size() - 1) : computed;
    }

    /**
     * Takes every running turn out of the engine, after the savepoint of a stop: what it would say from now on is said by the job
     * that is restored. Sets the current key itself.
     */
    void suspend() throws Exception {
        for (LiveSession session : cache.running()) {
            host.setCurrentKey(session.key);
            cache.leaveEngine(session);
        }
    }

    /** The stop has failed: the turns go on as after a restore. Sets the current key itself. */
    void resume() throws Exception {
        for (LiveSession session : cache.running()) {
            if (session.residency() == null) {
                host.setCurrentKey(session.key);
                goOn(session);
            }
        }
    }
}
