package io.millrace.operator.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.engine.EngineStats;
import io.millrace.runtime.engine.TurnTiming;
import org.junit.jupiter.api.Test;

class SessionMetricsTest {
    private final RecordedMetrics recorded = new RecordedMetrics();
    private final SessionMetrics metrics = new SessionMetrics(recorded, () -> 7, () -> 5,
            () -> new EngineStats(3, 2, 1, 4, 100, 0, 0, 0, 80, 60, 12, 9, 0));

    @Test
    void durationsAreInMicroseconds() {
        metrics.firstToken(1.5, new TurnTiming(30, 12, 30, 0, 0, 0, 0));
        metrics.completed(20, 0.25);
        assertThat(recorded.only("gen_ai.server.time_to_first_token")).isEqualTo(1500);
        assertThat(recorded.only("gen_ai.server.request.duration")).isEqualTo(20_000);
        assertThat(recorded.only("gen_ai.server.time_per_output_token")).isEqualTo(250);
        assertThat(recorded.count("prompt_tokens_cached")).isEqualTo(30);
        assertThat(recorded.count("prompt_tokens_computed")).isEqualTo(12);
        assertThat(recorded.count("completions")).isEqualTo(1);
    }

    @Test
    void anAnswerOfOneTokenSaysNothingOfTheTimePerToken() {
        metrics.completed(20, 0);
        assertThat(recorded.histogram("gen_ai.server.time_per_output_token").getCount()).isZero();
    }

    @Test
    void whatTheEngineDoesIsAskedWhenItIsReported() {
        assertThat(recorded.gauge("num_requests_accepted")).isEqualTo(7);
        assertThat(recorded.gauge("num_sessions_live")).isEqualTo(5);
        assertThat(recorded.gauge("engine.num_requests_running")).isEqualTo(3);
        assertThat(recorded.gauge("engine.num_requests_waiting")).isEqualTo(2);
        assertThat(recorded.gauge("engine.prefix_cache_queries")).isEqualTo(80L);
        assertThat(recorded.gauge("engine.prefix_cache_hits")).isEqualTo(60L);
        assertThat(recorded.gauge("engine.spec_decode_num_draft_tokens")).isEqualTo(12L);
        assertThat(recorded.gauge("engine.spec_decode_num_accepted_tokens")).isEqualTo(9L);
    }

    @Test
    void everythingElseIsCounted() {
        metrics.generatedToken();
        metrics.preempted(2);
        metrics.failed();
        metrics.deadLetter();
        metrics.duplicate();
        metrics.expired();
        metrics.evicted();
        metrics.recomputed(11);
        metrics.forgotten(3);
        assertThat(recorded.count("preemptions")).isEqualTo(2);
        assertThat(recorded.count("tokens_recomputed")).isEqualTo(11);
        assertThat(recorded.count("turns_forgotten")).isEqualTo(3);
        assertThat(new String[]{"generation_tokens", "failures", "dead_letters", "duplicates", "sessions_expired",
                "sessions_evicted"}).allMatch(name -> recorded.count(name) == 1);
    }
}
