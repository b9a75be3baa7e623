package io.millrace.job.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.HeartbeatManagerOptions;
import org.apache.flink.configuration.HighAvailabilityOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.MetricOptions;
import org.apache.flink.configuration.NettyShuffleEnvironmentOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.metrics.prometheus.PrometheusReporterFactory;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessSpec;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessUtils;

/** What Flink says of a configuration. */
final class FlinkKeys {
    private static final Set<String> KNOWN = Stream.of(CheckpointingOptions.class, CoreOptions.class,
            HeartbeatManagerOptions.class, HighAvailabilityOptions.class, JobManagerOptions.class, MetricOptions.class,
            NettyShuffleEnvironmentOptions.class, RestOptions.class, RestartStrategyOptions.class,
            StateBackendOptions.class, TaskManagerOptions.class).flatMap(FlinkKeys::keys).collect(Collectors.toSet());
    private static final String REPORTER = "metrics.reporter.prom.";

    private FlinkKeys() {}

    private static Stream<String> keys(Class<?> options) {
        return Arrays.stream(options.getFields())
                .filter(field -> Modifier.isStatic(field.getModifiers()) && field.getType() == ConfigOption.class)
                .map(FlinkKeys::key);
    }

    private static String key(Field option) {
        try {
            return ((ConfigOption<?>) option.get(null)).key();
        } catch (IllegalAccessException e) {
            throw new AssertionError(e);
        }
    }

    /** Every key is Flink's, the reporter exists, checkpoints and savepoints go somewhere. */
    static void assertSound(Map<String, String> settings) {
        assertThat(settings.keySet().stream().filter(key -> !key.startsWith(REPORTER)).toList())
                .as("keys that Flink knows").isSubsetOf(KNOWN);
        assertThat(settings).containsEntry("metrics.reporters", "prom")
                .containsEntry(REPORTER + "factory.class", PrometheusReporterFactory.class.getName());
        Configuration config = Configuration.fromMap(settings);
        assertThat(config.get(CheckpointingOptions.CHECKPOINTS_DIRECTORY)).isNotBlank();
        assertThat(config.get(CheckpointingOptions.SAVEPOINT_DIRECTORY)).isNotBlank();
        assertThat(config.get(StateBackendOptions.STATE_BACKEND)).isEqualTo("rocksdb");
        assertThat(config.get(CheckpointingOptions.INCREMENTAL_CHECKPOINTS)).isTrue();
        assertThat(config.get(TaskManagerOptions.NUM_TASK_SLOTS)).as("slots of a task manager").isEqualTo(1);
    }

    /**
     * How Flink would divide a task manager's memory, which throws when it does not add up.
     *
     * @param kv memory for the KV cache, which must be counted off the heap
     */
    static void assertRoomFor(Map<String, String> settings, MemorySize kv) {
        TaskExecutorProcessSpec memory = TaskExecutorProcessUtils
                .processSpecFromConfig(Configuration.fromMap(settings));
        assertThat(memory.getTaskOffHeapSize()).as("task off-heap memory").isGreaterThan(kv);
        assertThat(memory.getTaskHeapSize()).as("what is left for the heap")
                .isGreaterThanOrEqualTo(MemorySize.ofMebiBytes(512));
        assertThat(memory.getManagedMemorySize()).as("memory of RocksDB")
                .isGreaterThanOrEqualTo(MemorySize.ofMebiBytes(256));
    }
}
