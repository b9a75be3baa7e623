package io.millrace.job.chaos;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Broker, ZooKeeper, job manager and task managers, each in a process of its own, which is started again when it ends. {@link
 * #close} ends all of them.
 */
final class ChaosCluster implements AutoCloseable {
    private final ChildProcess zooKeeper;
    private final ChildProcess broker;
    private final ChildProcess jobManager;
    private final List<ChildProcess> taskManagers = new ArrayList<>();

    /** Starts the processes; they need some seconds before they answer. */
    ChaosCluster(ClusterConfiguration config) throws IOException {
        Workspace workspace = config.workspace();
        Path logs = workspace.logs();
        Path flink = config.writeFlink();
        zooKeeper = ChildProcess.start("zookeeper", Child.Part.ZOOKEEPER, config.otherJvm(64),
                List.of("--zkConfigFile", config.writeZooKeeper().toString(), "--peerId", "1"), logs);
        broker = ChildProcess.start("broker", Child.Part.BROKER, config.otherJvm(320),
                List.of(workspace.path("kafka").toString(), String.valueOf(config.brokerPort())), logs);
        jobManager = ChildProcess.start("job-manager", Child.Part.JOB_MANAGER, config.otherJvm(320),
                List.of("--configDir", flink.toString()), logs);
        for (int i = 1; i <= config.plan().taskManagers(); i++) {
            taskManagers.add(ChildProcess.start("task-manager-" + i, Child.Part.TASK_MANAGER, config.taskManagerJvm(),
                    List.of("--configDir", flink.toString()), logs));
        }
    }

    ChildProcess broker() {
        return broker;
    }

    ChildProcess jobManager() {
        return jobManager;
    }

    /** What each task manager has in memory. */
    Map<String, ProcessMemory> taskManagerMemory() throws IOException {
        Map<String, ProcessMemory> memory = new LinkedHashMap<>();
        for (ChildProcess taskManager : taskManagers) {
            memory.put(taskManager.name(), ProcessMemory.of(taskManager.pid()));
        }
        return memory;
    }

    /** Kills some task managers, whichever chance names, and says which. */
    String killTaskManagers(int count, Random random) {
        List<ChildProcess> victims = new ArrayList<>(taskManagers);
        Collections.shuffle(victims, random);
        victims.subList(0, count).forEach(ChildProcess::kill);
        return victims.subList(0, count).stream().map(ChildProcess::name).collect(Collectors.joining(" and "));
    }

    /** How often a process ended though nobody killed it. */
    int ownEnds() {
        return processes().mapToInt(ChildProcess::ownEnds).sum();
    }

    private Stream<ChildProcess> processes() {
        return Stream.concat(taskManagers.stream(), Stream.of(jobManager, broker, zooKeeper));
    }

    @Override
    public void close() {
        processes().forEach(ChildProcess::close);
    }
}
