package org.apache.flink.metrics.prometheus;

import io.prometheus.client.Collector.MetricFamilySamples;
import io.prometheus.client.Collector.MetricFamilySamples.Sample;
import java.util.Collections;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/**
 * Flink's Prometheus reporter without its server: what it would serve is asked in the process. In its package, for its
 * registry is not public.
 */
public final class CollectingPrometheusReporter extends AbstractPrometheusReporter {
    /** Flink makes reporters by the name of their factory, and hands none out. */
    private static final List<CollectingPrometheusReporter> OPEN = new CopyOnWriteArrayList<>();

    /** Of {@code metrics.reporter.NAME.factory.class}. */
    public static final class Factory implements MetricReporterFactory {
        @Override
        public MetricReporter createMetricReporter(Properties properties) {
            CollectingPrometheusReporter reporter = new CollectingPrometheusReporter();
            OPEN.add(reporter);
            return reporter;
        }
    }

    /** What all reporters that Flink made and has not closed would serve. */
    public static Stream<Sample> samples() {
        return OPEN.stream().flatMap(reporter -> Collections.list(reporter.registry.metricFamilySamples()).stream())
                .map((MetricFamilySamples family) -> family.samples).flatMap(List::stream);
    }

    @Override
    public void close() {
        OPEN.remove(this);
        super.close();
    }
}
