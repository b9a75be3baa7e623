package io.millrace.operator.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.engine.EngineStats;
import io.millrace.runtime.engine.TurnTiming;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.junit.jupiter.api.Test;

class SessionMetricsTest {
    private final Map<String, Metric> registered = new HashMap<>();
    private final SessionMetrics metrics = new SessionMetrics(new UnregisteredMetricsGroup() {
        @Override
        public Counter counter(String name) {
            Counter counter = super.counter(name);
            registered.put(name, counter);
            return counter;
        }

        @Override
        public <T, G extends Gauge<T>> G gauge(String name, G gauge) {
            registered.put(name, gauge);
            return gauge;
        }

        @Override
        public <H extends Histogram> H histogram(String name, H histogram) {
            registered.put(name, histogram);
            return histogram;
        }
    }, () -> 7, () -> 5, () -> new EngineStats(3, 2, 1, 4, 100, 0, 0, 0, 80, 60, 12, 9));

    private long count(String name) {
        return ((Counter) metric(name)).getCount();
    }

    private Metric metric(String name) {
        return Objects.requireNonNull(registered.get(name), name);
    }

    private Object gauge(String name) {
        return ((Gauge<?>) metric(name)).getValue();
    }

    private long only(String histogram) {
        Histogram recorded = (Histogram) metric(histogram);
        assertThat(recorded.getCount()).isEqualTo(1);
        return recorded.getStatistics().getMax();
    }

    @Test
    void durationsAreInMicroseconds() {
        metrics.firstToken(1.5, new TurnTiming(30, 12, 30, 0, 0, 0, 0));
        metrics.completed(20, 0.25);
        assertThat(only("gen_ai.server.time_to_first_token")).isEqualTo(1500);
        assertThat(only("gen_ai.server.request.duration")).isEqualTo(20_000);
        assertThat(only("gen_ai.server.time_per_output_token")).isEqualTo(250);
        assertThat(count("prompt_tokens_cached")).isEqualTo(30);
        assertThat(count("prompt_tokens_computed")).isEqualTo(12);
        assertThat(count("completions")).isEqualTo(1);
    }

    @Test
    void anAnswerOfOneTokenSaysNothingOfTheTimePerToken() {
        metrics.completed(20, 0);
        assertThat(((Histogram) metric("gen_ai.server.time_per_output_token")).getCount()).isZero();
    }

    @Test
    void whatTheEngineDoesIsAskedWhenItIsReported() {
        assertThat(gauge("num_requests_accepted")).isEqualTo(7);
        assertThat(gauge("num_sessions_live")).isEqualTo(5);
        assertThat(gauge("engine.num_requests_running")).isEqualTo(3);
        assertThat(gauge("engine.num_requests_waiting")).isEqualTo(2);
        assertThat(gauge("engine.kv_cache_usage")).isEqualTo(0.25);
        assertThat(gauge("engine.steps")).isEqualTo(100L);
        assertThat(gauge("engine.prefix_cache_queries")).isEqualTo(80L);
        assertThat(gauge("engine.prefix_cache_hits")).isEqualTo(60L);
        assertThat(gauge("engine.spec_decode_num_draft_tokens")).isEqualTo(12L);
        assertThat(gauge("engine.spec_decode_num_accepted_tokens")).isEqualTo(9L);
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
        assertThat(count("preemptions")).isEqualTo(2);
        assertThat(count("tokens_recomputed")).isEqualTo(11);
        assertThat(new String[]{"generation_tokens", "failures", "dead_letters", "duplicates", "sessions_expired",
                "sessions_evicted"}).allMatch(name -> count(name) == 1);
    }
}
