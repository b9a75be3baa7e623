package io.millrace.job.overload;

import io.millrace.job.embedded.EmbeddedCluster;
import io.millrace.job.embedded.EmbeddedKafka;
import io.millrace.job.format.EventCodec;
import io.millrace.job.format.EventFormat;
import io.millrace.job.kafka.JobClient;
import io.millrace.job.kafka.KafkaOptions;
import io.millrace.job.kafka.KafkaSettings;
import io.millrace.operator.MillraceOptions;
import io.millrace.runtime.weights.sample.SampleModel;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.MetricOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/**
 * Sends a job many times more prompts than it can answer, and watches. What the job did not read stays in the topic; of what it
 * did read nothing may be lost. So at the end the job is stopped with a savepoint, in the middle of its backlog, and goes on
 * from there until every prompt that was read before is answered.
 */
final class OverloadRun {
    private static final Duration START_LIMIT = Duration.ofMinutes(2);
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final Duration POLL = Duration.ofMillis(100);
    private static final int EVENT_BYTES = 1 << 20;
    private static final int SAMPLES = 20;
    static final int MAX_ACCEPTED = 64;
    static final int PARALLELISM = 2;
    private static final long DEADLINE_MILLIS = 3000;

    private final Path directory;
    private final Duration length;
    private final int factor;
    private final PrintStream out;
    private final Map<String, Integer> answers = new HashMap<>();
    private final Map<String, Integer> outcomes = new TreeMap<>();
    private final AtomicLong sent = new AtomicLong();

    /** The state of things at a time after the beginning of the overload. */
    record Sample(long seconds, long sent, long answered, long accepted, ClusterWatch.Checkpoints checkpoints,
            long restarts, MemoryUse memory) {}

    /**
     * How it ended.
     *
     * @param capacity prompts per second that were answered before the overload
     * @param accepted prompts that the job had read when it was stopped
     * @param lost of these, those without an answer
     * @param repeated requests that were answered more than once
     * @param outcomes finish reasons and error codes, and how many completions had each
     * @param stopMillis from the request for the last savepoint to the end of the job
     */
    record Result(double capacity, List<Sample> samples, long accepted, long lost, long repeated,
            Map<String, Integer> outcomes, long stopMillis) {}

    /**
     * @param length of the overload
     * @param factor how many times more prompts are sent than were answered before
     */
    OverloadRun(Path directory, Duration length, int factor, PrintStream out) {
        this.directory = directory;
        this.length = length;
        this.factor = factor;
        this.out = out;
    }

    Result run() throws Exception {
        Path model = directory.resolve("model.gguf");
        SampleModel.write(model, SampleModel.Options.defaults().withGeometry(4, 256, 512, 8, 4, 32)
                .withContextLength(1024));
        try (EmbeddedKafka broker = EmbeddedKafka.start()) {
            Configuration options = options(broker, model);
            KafkaSettings kafka = KafkaSettings.of(options);
            double capacity;
            List<Sample> samples;
            String savepoint;
            long stopMillis;
            try (EmbeddedCluster job = EmbeddedCluster.start(options, directory);
                    JobClient client = new JobClient(kafka)) {
                job.awaitRunning(START_LIMIT);
                capacity = capacity(client);
                out.printf("capacity: %.1f prompts/s; sending %d times as many for %d s%n", capacity, factor,
                        length.toSeconds());
                samples = overload(job, client, kafka, capacity);
                long requested = System.nanoTime();
                savepoint = job.stopWithSavepoint(directory.resolve("savepoints"));
                stopMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - requested);
                out.printf("stopped with a savepoint in %d ms%n", stopMillis);
                listen(client);
                List<String> accepted = accepted(kafka);
                options.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
                try (EmbeddedCluster restored = EmbeddedCluster.start(options, directory)) {
                    restored.awaitRunning(START_LIMIT);
                    long end = System.nanoTime() + PATIENCE.toNanos();
                    while (!answers.keySet().containsAll(accepted) && System.nanoTime() < end) {
                        listen(client);
                    }
                }
                long lost = accepted.stream().filter(id -> !answers.containsKey(id)).count();
                long repeated = answers.values().stream().filter(count -> count > 1).count();
                Result result = new Result(capacity, samples, accepted.size(), lost, repeated, Map.copyOf(outcomes),
                        stopMillis);
                out.printf("read when stopped: %d; lost: %d; answered twice: %d; completions by outcome: %s%n",
                        result.accepted, lost, repeated, outcomes);
                return result;
            }
        }
    }

    private static Configuration options(EmbeddedKafka broker, Path model) {
        return new Configuration().set(MillraceOptions.MODEL, model.toString()).set(MillraceOptions.THREADS, 1)
                .set(MillraceOptions.KV_MEMORY, MemorySize.ofMebiBytes(64))
                .set(MillraceOptions.SESSION_TTL, Duration.ofSeconds(30))
                .set(MillraceOptions.MAX_ACCEPTED_PROMPTS, MAX_ACCEPTED)
                .set(KafkaOptions.BOOTSTRAP_SERVERS, broker.bootstrapServers())
                .set(CoreOptions.DEFAULT_PARALLELISM, PARALLELISM)
                .set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(500))
                .set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(64))
                .set(MetricOptions.METRIC_FETCHER_UPDATE_INTERVAL, Duration.ofMillis(500))
                // A failure is not hidden by starting again.
                .set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
    }

    /** One in four has a deadline that it misses when it waits; one in two is a turn of a conversation of eight turns. */
    private static PromptEvent prompt(long number) {
        String text = "Tell me what " + number + " millers say of the river, the race and the wheel.";
        return PromptEvent.newBuilder().setId("p" + number)
                .setConversationId(number % 2 == 0 ? "c" + number / 16 : null)
                .setMessages(List.of(Message.newBuilder().setRole("user").setContent(text).build()))
                .setMaxCompletionTokens(32).setTemperature(0.8).setDeadlineMs(number % 4 == 1 ? DEADLINE_MILLIS : null)
                .build();
    }

    /** Answers per second when as many prompts wait as the job accepts. */
    private double capacity(JobClient client) throws Exception {
        answer(client, 100); // warms up
        int prompts = 300;
        long begin = System.nanoTime();
        answer(client, prompts);
        return prompts / seconds(begin);
    }

    private void answer(JobClient client, int prompts) throws Exception {
        for (int i = 0; i < prompts; i++) {
            client.send(prompt(sent.getAndIncrement()));
        }
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (answers.size() < sent.get()) {
            listen(client);
            if (System.nanoTime() > end) {
                throw new IllegalStateException("only " + answers.size() + " of " + sent + " prompts were answered");
            }
        }
    }

    private List<Sample> overload(EmbeddedCluster job, JobClient client, KafkaSettings kafka, double capacity)
            throws Exception {
        List<Sample> samples = new ArrayList<>();
        out.printf("%6s %8s %8s %8s %7s %6s %8s | MiB: %6s %6s %6s %6s%n", "s", "sent", "answered", "accepted",
                "checkp.", "failed", "restarts", "heap", "live", "direct", "RSS");
        long begin = System.nanoTime();
        try (ClusterWatch cluster = new ClusterWatch(job.webUi());
                Flood flood = new Flood(kafka, factor * capacity)) {
            // Those that came before every task ran have failed.
            ClusterWatch.Checkpoints before = cluster.checkpoints();
            for (int i = 1; i <= SAMPLES; i++) {
                double until = length.toMillis() / 1e3 * i / SAMPLES;
                while (seconds(begin) < until) {
                    flood.check();
                    listen(client);
                }
                Sample sample = new Sample((long) until, sent.get(), answers.size(), cluster.accepted(),
                        cluster.checkpoints().since(before), cluster.restarts(), MemoryUse.now());
                samples.add(sample);
                print(sample);
            }
        }
        return samples;
    }

    private void print(Sample sample) {
        MemoryUse memory = sample.memory;
        out.printf("%6d %8d %8d %8d %7d %6d %8d |      %6d %6d %6d %6d%n", sample.seconds, sample.sent, sample.answered,
                sample.accepted, sample.checkpoints.completed(), sample.checkpoints.failed(), sample.restarts,
                memory.heap() >> 20, memory.live() >> 20, memory.direct() >> 20, memory.resident() >> 20);
        out.flush();
    }

    /** Sends prompts at a rate, in a thread of its own, until it is closed. */
    private final class Flood implements AutoCloseable {
        private final Thread thread;
        private volatile boolean over;
        private volatile @Nullable Throwable failure;

        Flood(KafkaSettings kafka, double perSecond) {
            thread = Thread.ofPlatform().name("flood").start(() -> {
                try (JobClient client = new JobClient(kafka)) {
                    long begin = System.nanoTime();
                    long first = sent.get();
                    while (!over) {
                        while (sent.get() - first < perSecond * seconds(begin) && !over) {
                            client.send(prompt(sent.getAndIncrement()));
                        }
                        Thread.sleep(5);
                    }
                } catch (InterruptedException | RuntimeException e) {
                    failure = e;
                }
            });
        }

        void check() {
            if (failure != null) {
                throw new IllegalStateException("the prompts could not be sent", failure);
            }
        }

        @Override
        public void close() {
            over = true;
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            check();
        }
    }

    private void listen(JobClient client) throws Exception {
        for (JobClient.Answer answer : client.poll(POLL)) {
            if (answer instanceof JobClient.Answer.Completion(CompletionEvent completion)) {
                answers.merge(completion.getRequestId(), 1, Integer::sum);
                String reason = completion.getChoices().getFirst().getFinishReason();
                outcomes.merge(completion.getError() == null ? reason : completion.getError().getCode(), 1,
                        Integer::sum);
            }
        }
    }

    /** The prompts that come before the offsets of the last checkpoint. */
    private static List<String> accepted(KafkaSettings kafka) throws Exception {
        Properties properties = kafka.client();
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        EventCodec<PromptEvent> codec = EventFormat.JSON.codec(PromptEvent.class, EVENT_BYTES);
        List<String> ids = new ArrayList<>();
        try (Admin admin = Admin.create(properties);
                KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(),
                        new ByteArrayDeserializer())) {
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>(
                    admin.listConsumerGroupOffsets(kafka.groupId()).partitionsToOffsetAndMetadata().get());
            offsets.keySet().removeIf(partition -> !partition.topic().equals(kafka.prompts()));
            consumer.assign(offsets.keySet());
            consumer.seekToBeginning(offsets.keySet());
            while (offsets.entrySet().stream()
                    .anyMatch(each -> consumer.position(each.getKey()) < each.getValue().offset())) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    OffsetAndMetadata end = offsets.get(new TopicPartition(record.topic(), record.partition()));
                    if (end != null && record.offset() < end.offset()) {
                        ids.add(codec.decode(record.value()).getId());
                    }
                }
            }
        }
        return ids;
    }

    private static double seconds(long begin) {
        return (System.nanoTime() - begin) / 1e9;
    }
}
