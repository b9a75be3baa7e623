package io.millrace.operator.metrics;

import io.millrace.runtime.engine.EngineStats;
import io.millrace.runtime.engine.TurnTiming;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.metrics.DescriptiveStatisticsHistogram;

/**
 * Metrics of one subtask. Durations are in microseconds. What begins with {@code engine.} is of the whole task manager,
 * whose subtasks share an engine: take the maximum over them, not the sum.
 */
public final class SessionMetrics {
    private static final int WINDOW = 1000;

    private final Histogram requestDuration;
    private final Histogram timeToFirstToken;
    private final Histogram timePerOutputToken;
    private final Counter cachedTokens;
    private final Counter computedTokens;
    private final Counter generatedTokens;
    private final Counter recomputedTokens;
    private final Counter preemptions;
    private final Counter completions;
    private final Counter failures;
    private final Counter deadLetters;
    private final Counter duplicates;
    private final Counter expiredSessions;
    private final Counter evictedSessions;
    private final Counter forgottenTurns;

    /**
     * @param group of the operator
     * @param accepted prompts accepted and not answered
     * @param live sessions on heap
     * @param engine of the task manager, asked at each report
     */
    public SessionMetrics(MetricGroup group, IntSupplier accepted, IntSupplier live, Supplier<EngineStats> engine) {
        requestDuration = histogram(group, "gen_ai.server.request.duration");
        timeToFirstToken = histogram(group, "gen_ai.server.time_to_first_token");
        timePerOutputToken = histogram(group, "gen_ai.server.time_per_output_token");
        cachedTokens = group.counter("prompt_tokens_cached");
        computedTokens = group.counter("prompt_tokens_computed");
        generatedTokens = group.counter("generation_tokens");
        recomputedTokens = group.counter("tokens_recomputed");
        preemptions = group.counter("preemptions");
        completions = group.counter("completions");
        failures = group.counter("failures");
        deadLetters = group.counter("dead_letters");
        duplicates = group.counter("duplicates");
        expiredSessions = group.counter("sessions_expired");
        evictedSessions = group.counter("sessions_evicted");
        forgottenTurns = group.counter("turns_forgotten");
        group.gauge("num_requests_accepted", accepted::getAsInt);
        group.gauge("num_sessions_live", live::getAsInt);
        group.gauge("engine.num_requests_running", () -> engine.get().running());
        group.gauge("engine.num_requests_waiting", () -> engine.get().waiting());
        group.gauge("engine.prefix_cache_queries", () -> engine.get().prefixCacheQueries());
        group.gauge("engine.prefix_cache_hits", () -> engine.get().prefixCacheHits());
        group.gauge("engine.spec_decode_num_draft_tokens", () -> engine.get().draftedTokens());
        group.gauge("engine.spec_decode_num_accepted_tokens", () -> engine.get().acceptedTokens());
    }

    static Histogram histogram(MetricGroup group, String name) {
        return group.histogram(name, new DescriptiveStatisticsHistogram(WINDOW));
    }

    /** A token came. */
    public void generatedToken() {
        generatedTokens.inc();
    }

    /** The first token of a turn came, so many milliseconds after its acceptance. */
    public void firstToken(double millis, TurnTiming timing) {
        timeToFirstToken.update(micros(millis));
        cachedTokens.inc(timing.cachedTokens());
        computedTokens.inc(timing.computedTokens());
    }

    /** A turn that a restart resumed computed so many positions again. */
    public void recomputed(int positions) {
        recomputedTokens.inc(positions);
    }

    /** A turn ended, so many milliseconds after its acceptance; {@code perToken} is 0 when it had one token at most. */
    public void completed(double millis, double perToken) {
        completions.inc();
        requestDuration.update(micros(millis));
        if (perToken > 0) {
            timePerOutputToken.update(micros(perToken));
        }
    }

    /** A turn's blocks were taken so many times. */
    public void preempted(int times) {
        preemptions.inc(times);
    }

    /** A request was answered with an error. */
    public void failed() {
        failures.inc();
    }

    public void deadLetter() {
        deadLetters.inc();
    }

    public void duplicate() {
        duplicates.inc();
    }

    public void expired() {
        expiredSessions.inc();
    }

    public void evicted() {
        evictedSessions.inc();
    }

    /** So many turns of a conversation that was too long were forgotten. */
    public void forgotten(int turns) {
        forgottenTurns.inc(turns);
    }

    private static long micros(double millis) {
        return Math.round(millis * 1000);
    }
}
