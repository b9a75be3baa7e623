package io.millrace.job.chaos;

import io.millrace.job.kafka.KafkaOptions;
import io.millrace.operator.MillraceOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.HeartbeatManagerOptions;
import org.apache.flink.configuration.HighAvailabilityOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.configuration.TaskManagerOptions.TaskManagerLoadBalanceMode;

/** The settings of the cluster and of its job. */
record ClusterConfiguration(ChaosPlan plan, Workspace workspace, Path model, int brokerPort, int zooKeeperPort,
        int restPort) {
    private static final String LOOPBACK = "127.0.0.1";
    private static final int FRAMEWORK_HEAP_MIB = 64;
    private static final int DIRECT_MIB = 256;

    /** Of a task manager: with one it has one shard. */
    private int slots() {
        return plan.shards() == 1 ? 2 : 1;
    }

    /** So little that sessions of the sample have to leave the arena now and then. */
    private int kvMib() {
        return plan.model() == null ? 64 : 256;
    }

    private int taskHeapMib() {
        return switch (plan.backend()) {
            case ROCKSDB -> 256;
            // Every session is on it, and a snapshot may hold a copy.
            case HEAP -> 640;
        };
    }

    /** Options of a task manager's JVM. */
    List<String> taskManagerJvm() {
        return List.of("-Xms64m", "-Xmx" + (FRAMEWORK_HEAP_MIB + taskHeapMib()) + "m",
                "-XX:MaxDirectMemorySize=" + DIRECT_MIB + "m", "-XX:Tier4InvocationThreshold=50000");
    }

    /** Options of the JVMs that compute nothing. */
    List<String> otherJvm(int heapMib) {
        return List.of("-Xms32m", "-Xmx" + heapMib + "m", "-XX:TieredStopAtLevel=1");
    }

    /** Of job manager and task managers. */
    Configuration flink() {
        Configuration config = new Configuration();
        config.set(JobManagerOptions.ADDRESS, LOOPBACK);
        config.set(JobManagerOptions.BIND_HOST, LOOPBACK);
        config.set(RestOptions.ADDRESS, LOOPBACK);
        config.set(RestOptions.BIND_ADDRESS, LOOPBACK);
        config.set(RestOptions.PORT, restPort);
        config.set(RestOptions.BIND_PORT, String.valueOf(restPort));
        config.set(TaskManagerOptions.HOST, LOOPBACK);
        config.set(TaskManagerOptions.BIND_HOST, LOOPBACK);
        config.set(CoreOptions.TMP_DIRS, workspace.path("tmp").toString());

        // A new job manager finds the job, and the task managers find the job manager.
        config.set(HighAvailabilityOptions.HA_MODE, "zookeeper");
        config.set(HighAvailabilityOptions.HA_ZOOKEEPER_QUORUM, LOOPBACK + ":" + zooKeeperPort);
        config.set(HighAvailabilityOptions.HA_STORAGE_PATH, workspace.uri("ha"));
        config.set(HighAvailabilityOptions.HA_CLUSTER_ID, "/millrace-chaos");
        // A dead job manager's leadership ends with its session.
        config.set(HighAvailabilityOptions.ZOOKEEPER_SESSION_TIMEOUT, Duration.ofSeconds(4));
        config.set(HighAvailabilityOptions.ZOOKEEPER_CONNECTION_TIMEOUT, Duration.ofSeconds(4));

        config.set(HeartbeatManagerOptions.HEARTBEAT_INTERVAL, Duration.ofSeconds(1));
        config.set(HeartbeatManagerOptions.HEARTBEAT_TIMEOUT, Duration.ofSeconds(10));
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, Integer.MAX_VALUE);
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofSeconds(1));

        config.set(TaskManagerOptions.NUM_TASK_SLOTS, slots());
        config.set(TaskManagerOptions.TASK_MANAGER_LOAD_BALANCE_MODE, TaskManagerLoadBalanceMode.SLOTS);
        config.set(TaskManagerOptions.CPU_CORES, (double) slots());
        config.set(TaskManagerOptions.FRAMEWORK_HEAP_MEMORY, MemorySize.ofMebiBytes(FRAMEWORK_HEAP_MIB));
        config.set(TaskManagerOptions.TASK_HEAP_MEMORY, MemorySize.ofMebiBytes(taskHeapMib()));
        config.set(TaskManagerOptions.FRAMEWORK_OFF_HEAP_MEMORY, MemorySize.ofMebiBytes(64));
        config.set(TaskManagerOptions.TASK_OFF_HEAP_MEMORY, MemorySize.ofMebiBytes(64 + kvMib()));
        config.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(96));
        config.set(TaskManagerOptions.NETWORK_MEMORY_MIN, MemorySize.ofMebiBytes(48));
        config.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(48));
        config.set(TaskManagerOptions.JVM_METASPACE, MemorySize.ofMebiBytes(192));
        config.set(TaskManagerOptions.JVM_OVERHEAD_MIN, MemorySize.ofMebiBytes(128));
        config.set(TaskManagerOptions.JVM_OVERHEAD_MAX, MemorySize.ofMebiBytes(128));

        config.set(StateBackendOptions.STATE_BACKEND, plan.backend().setting());
        config.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
        config.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, workspace.uri("checkpoints"));
        return config;
    }

    /**
     * Of a job.
     *
     * @param name of its consumer group; begins the names of its topics
     * @param shards of its model
     */
    Configuration job(String name, int shards) {
        Configuration config = flink();
        config.set(MillraceOptions.MODEL, model.toString());
        config.set(MillraceOptions.SHARDS, Integer.toString(shards));
        config.set(MillraceOptions.THREADS, 1);
        config.set(MillraceOptions.KV_MEMORY, MemorySize.ofMebiBytes(kvMib()));
        config.set(KafkaOptions.BOOTSTRAP_SERVERS, LOOPBACK + ":" + brokerPort);
        config.set(KafkaOptions.GROUP_ID, name);
        config.set(KafkaOptions.PROMPTS, name + ".prompts");
        config.set(KafkaOptions.CONTROLS, name + ".controls");
        config.set(KafkaOptions.COMPLETIONS, name + ".completions");
        config.set(KafkaOptions.DELTAS, name + ".deltas");
        config.set(KafkaOptions.DEAD_LETTERS, name + ".dead-letters");
        return config;
    }

    /** Writes what job manager and task managers read, and returns its directory. */
    Path writeFlink() throws IOException {
        String lines = flink().toMap().entrySet().stream().map(entry -> quoted(entry) + "\n").sorted()
                .collect(Collectors.joining());
        Path directory = workspace.path("conf");
        Files.writeString(directory.resolve("config.yaml"), lines, StandardCharsets.UTF_8);
        return directory;
    }

    private static String quoted(Map.Entry<String, String> entry) {
        return entry.getKey() + ": '" + entry.getValue().replace("'", "''") + "'";
    }

    /** Writes what the ZooKeeper server reads, and returns the file. */
    Path writeZooKeeper() throws IOException {
        return Files.writeString(workspace.path("conf").resolve("zoo.cfg"), """
                dataDir=%s
                clientPortAddress=%s
                clientPort=%d
                tickTime=500
                admin.enableServer=false
                """.formatted(workspace.path("zookeeper"), LOOPBACK, zooKeeperPort));
    }
}
