package io.millrace.operator.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;

/** A group that keeps what is registered in it, by name; the names of groups below it come before, with dots. */
final class RecordedMetrics extends UnregisteredMetricsGroup {
    private final Map<String, Metric> registered;
    private final String prefix;

    RecordedMetrics() {
        this(new HashMap<>(), "");
    }

    private RecordedMetrics(Map<String, Metric> registered, String prefix) {
        this.registered = registered;
        this.prefix = prefix;
    }

    @Override
    public Counter counter(String name) {
        return add(name, super.counter(name));
    }

    @Override
    public <C extends Counter> C counter(String name, C counter) {
        return add(name, counter);
    }

    @Override
    public <T, G extends Gauge<T>> G gauge(String name, G gauge) {
        return add(name, gauge);
    }

    @Override
    public <H extends Histogram> H histogram(String name, H histogram) {
        return add(name, histogram);
    }

    @Override
    public MetricGroup addGroup(String name) {
        return new RecordedMetrics(registered, prefix + name + ".");
    }

    @Override
    public MetricGroup addGroup(String key, String value) {
        return addGroup(key).addGroup(value);
    }

    private <M extends Metric> M add(String name, M metric) {
        assertThat(registered.put(prefix + name, metric)).as(prefix + name).isNull();
        return metric;
    }

    long count(String name) {
        return ((Counter) metric(name)).getCount();
    }

    Object gauge(String name) {
        return ((Gauge<?>) metric(name)).getValue();
    }

    Histogram histogram(String name) {
        return (Histogram) metric(name);
    }

    /** The one value of a histogram. */
    long only(String histogram) {
        assertThat(histogram(histogram).getCount()).isEqualTo(1);
        return histogram(histogram).getStatistics().getMax();
    }

    Metric metric(String name) {
        return Objects.requireNonNull(registered.get(name), name);
    }
}
