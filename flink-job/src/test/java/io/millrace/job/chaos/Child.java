package io.millrace.job.chaos;

import io.millrace.job.embedded.EmbeddedKafka;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint;
import org.apache.flink.runtime.taskexecutor.TaskManagerRunner;
import org.apache.flink.runtime.zookeeper.FlinkZooKeeperQuorumPeer;

/** The entry of a child process: one part of the cluster, which ends when its parent does. */
public final class Child {

    /** What a child can be; the arguments are the part's own. */
    enum Part {
        /** Arguments: directory of the log, port. */
        BROKER,
        /** Arguments: configuration file, id of the peer. */
        ZOOKEEPER, JOB_MANAGER, TASK_MANAGER
    }

    private Child() {}

    public static void main(String[] args) throws Exception {
        endWithParent();
        String[] rest = Arrays.copyOfRange(args, 1, args.length);
        switch (Part.valueOf(args[0])) {
            case BROKER -> {
                EmbeddedKafka.start(Path.of(rest[0]), Integer.parseInt(rest[1]));
                new CountDownLatch(1).await();
            }
            case ZOOKEEPER -> FlinkZooKeeperQuorumPeer.main(rest);
            case JOB_MANAGER -> StandaloneSessionClusterEntrypoint.main(rest);
            case TASK_MANAGER -> TaskManagerRunner.main(rest);
        }
    }

    /** Nothing is ever written to standard input: it ends when the parent has ended, in whatever way. */
    private static void endWithParent() {
        Thread watch = new Thread(() -> {
            try {
                System.in.transferTo(OutputStream.nullOutputStream());
            } catch (IOException e) {
                System.err.println("standard input: " + e);
            }
            Runtime.getRuntime().halt(1);
        }, "parent-watch");
        watch.setDaemon(true);
        watch.start();
    }
}
