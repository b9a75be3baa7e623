package io.millrace.job.chaos;

import io.millrace.job.kafka.KafkaSettings;
import io.millrace.runtime.weights.sample.SampleModel;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.Configuration;

/**
 * One run: the script's conversations without a disturbance, then the same ones with the schedule's, on the same processes
 * but as another job with topics of its own.
 */
final class ChaosRun {
    /** So large that a turn takes some seconds on a busy machine, so small that a hundred histories fit a little memory. */
    private static final SampleModel.Options SAMPLE = SampleModel.Options.defaults().withGeometry(4, 1024, 4096, 16, 2,
            32);
    private static final Duration POLL = Duration.ofMillis(100);

    private final ChaosPlan plan;
    private final Workspace workspace;
    private final ProgressLog log;

    ChaosRun(ChaosPlan plan, Workspace workspace, ProgressLog log) {
        this.plan = plan;
        this.workspace = workspace;
        this.log = log;
    }

    /**
     * Runs it; the processes are gone when this returns.
     *
     * @throws IllegalStateException when the cluster does not come up or does not recover
     */
    ChaosReport run() throws Exception {
        ClusterConfiguration config = new ClusterConfiguration(plan, workspace, model(), Ports.free(), Ports.free(),
                Ports.free());
        try (ChaosCluster cluster = new ChaosCluster(config)) {
            Runtime.getRuntime().addShutdownHook(new Thread(cluster::close));
            Map<String, CompletionEvent> undisturbed = undisturbed(config);
            return disturbed(config, cluster, undisturbed);
        }
    }

    private Path model() throws IOException {
        Path model = plan.model();
        if (model == null) {
            model = workspace.path("sample.gguf");
            SampleModel.write(model, SAMPLE);
        }
        return model.toAbsolutePath();
    }

    private Map<String, CompletionEvent> undisturbed(ClusterConfiguration config) throws Exception {
        Configuration options = config.job("undisturbed", 1);
        Transcript transcript = new Transcript();
        log.say("starting broker, ZooKeeper, job manager and " + plan.taskManagers() + " task managers in "
                + workspace.root());
        try (ChaosJob job = new ChaosJob(options, workspace.uri("savepoints"))) {
            job.awaitTaskManagers(plan.taskManagers());
            job.start(ChaosPlan.PARALLELISM, null);
            log.say("the undisturbed run");
            try (Conversations conversations = new Conversations(options, transcript)) {
                Future<?> all = conversations.hold(Duration.ZERO);
                await(all, transcript);
                conversations.end(job);
            }
        }
        Comparison itself = Comparison.of(transcript.completions(), transcript, streamed());
        if (transcript.answered() < plan.script().prompts() || !itself.clean()) {
            throw new IllegalStateException("the undisturbed run is not clean: " + transcript.answered() + " of "
                    + plan.script().prompts() + " turns answered; " + itself);
        }
        return transcript.completions();
    }

    private ChaosReport disturbed(ClusterConfiguration config, ChaosCluster cluster,
            Map<String, CompletionEvent> undisturbed) throws Exception {
        Configuration options = config.job("disturbed", plan.shards());
        Transcript transcript = new Transcript();
        long start = System.nanoTime();
        try (ChaosJob job = new ChaosJob(options, workspace.uri("savepoints"))) {
            job.start(plan.parallelism(), null);
            Map<String, ProcessMemory> memory = cluster.taskManagerMemory();
            memory.forEach((name, bytes) -> log.say(name + ": " + bytes));
            log.say("the disturbed run" + (plan.shards() == 1 ? "" : ", in " + plan.shards() + " shards"));
            try (Conversations conversations = new Conversations(options, transcript)) {
                Future<?> all = conversations.hold(plan.spread());
                List<Disturber.Outcome> outcomes = new Disturber(cluster, job, plan.parallelism(), plan.script(),
                        transcript, log)
                        .run(plan.schedule(), all);
                await(all, transcript);
                conversations.end(job);
                return new ChaosReport(plan, memory, outcomes, transcript,
                        Comparison.of(undisturbed, transcript, streamed()), cluster.ownEnds(),
                        Duration.ofNanos(System.nanoTime() - start));
            }
        }
    }

    private Set<String> streamed() {
        Set<String> ids = new HashSet<>();
        for (int conversation = 0; conversation < plan.script().conversations(); conversation++) {
            for (int turn = 1; turn <= plan.script().turns(); turn++) {
                PromptEvent prompt = plan.script().prompt(conversation, turn);
                if (prompt.getStream()) {
                    ids.add(prompt.getId());
                }
            }
        }
        return ids;
    }

    private void await(Future<?> conversations, Transcript transcript) throws Exception {
        while (!conversations.isDone()) {
            log.progress(transcript, plan.script());
            TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
        }
        get(conversations);
    }

    private static void get(Future<?> future) throws Exception {
        try {
            future.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause() == null ? e.getMessage() : e.getCause().getMessage(), e);
        }
    }

    /** The traffic, in a thread of its own. */
    private final class Conversations implements AutoCloseable {
        private final ExecutorService thread = Executors.newSingleThreadExecutor();
        private final Traffic traffic;

        Conversations(Configuration options, Transcript transcript) {
            traffic = new Traffic(KafkaSettings.of(options), plan.script(), transcript);
        }

        Future<?> hold(Duration spread) {
            return thread.submit(() -> {
                traffic.run(spread);
                return null;
            });
        }

        /** Stops the job, so that all that it wrote is committed, and reads the rest. */
        void end(ChaosJob job) throws Exception {
            String savepoint = ChaosJob.await(job.stop());
            job.awaitEnd();
            log.say("stopped with " + savepoint);
            get(thread.submit(traffic::readToEnd));
        }

        @Override
        public void close() {
            thread.shutdownNow();
            thread.close();
            traffic.close();
        }
    }
}
