package io.millrace.job.chaos;

import io.millrace.job.format.EventCodec;
import io.millrace.job.kafka.KafkaSettings;
import io.millrace.schemas.PromptEvent;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/**
 * Holds the conversations of a script: a turn is sent when the completion of the one before was read. Used and closed by one
 * thread; the transcript may be watched by others.
 */
final class Traffic implements AutoCloseable {
    /** Turns that begin together, so that a kill meets several and the engines compute batches. */
    private static final int BURST = 8;
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final int MAX_EVENT_BYTES = 16 << 20;
    /** Longer than any broker is away. */
    private static final String DELIVERY_TIMEOUT_MILLIS = "600000";

    private final Script script;
    private final Transcript transcript;
    private final KafkaSettings kafka;
    private final EventCodec<PromptEvent> prompts;
    private final KafkaProducer<byte[], byte[]> producer;
    private final Outputs outputs;
    private final AtomicReference<@Nullable Exception> unsent = new AtomicReference<>();
    /** By conversation, the turn that was asked last. */
    private final int[] asked;

    Traffic(KafkaSettings kafka, Script script, Transcript transcript) {
        this.script = script;
        this.transcript = transcript;
        this.kafka = kafka;
        this.asked = new int[script.conversations()];
        prompts = kafka.format().codec(PromptEvent.class, MAX_EVENT_BYTES);
        Properties properties = kafka.client();
        properties.setProperty(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "true");
        properties.setProperty(ProducerConfig.LINGER_MS_CONFIG, "0");
        properties.setProperty(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, DELIVERY_TIMEOUT_MILLIS);
        properties.setProperty(ProducerConfig.MAX_BLOCK_MS_CONFIG, DELIVERY_TIMEOUT_MILLIS);
        properties.setProperty(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, "5000");
        properties.setProperty(ProducerConfig.RECONNECT_BACKOFF_MAX_MS_CONFIG, "500");
        producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
        outputs = new Outputs(kafka);
    }

    /**
     * Holds all conversations; returns when every turn is answered, or when nothing was heard for minutes.
     *
     * @param spread time over which the beginnings of the turns are spread evenly, some of them at a time; zero begins all
     *        conversations at once
     * @throws IllegalStateException when a prompt could not be sent
     */
    void run(Duration spread) throws InterruptedException {
        long start = System.nanoTime();
        while (transcript.answered() < script.prompts()) {
            long passed = System.nanoTime() - start;
            for (int conversation = 0; conversation < asked.length; conversation++) {
                int next = asked[conversation] + 1;
                if (next <= script.turns() && isAnswered(conversation, next - 1)
                        && passed >= due(conversation, next, spread)) {
                    ask(conversation, next);
                }
            }
            outputs.read(transcript);
            Exception failure = unsent.get();
            if (failure != null) {
                throw new IllegalStateException("a prompt could not be sent: " + failure.getMessage(), failure);
            }
            if (Thread.interrupted()) {
                throw new InterruptedException("while conversations ran");
            }
            if (transcript.waiting() > 0 && transcript.silence().compareTo(PATIENCE) > 0) {
                return;
            }
        }
    }

    /** Takes in what was committed after {@link #run} returned. */
    void readToEnd() {
        outputs.readToEnd(transcript);
    }

    private boolean isAnswered(int conversation, int turn) {
        return turn == 0 || transcript.completion(Script.requestId(conversation, turn)) != null;
    }

    /** Nanoseconds since the start. Each conversation lasts from the beginning to the end. */
    private long due(int conversation, int turn, Duration spread) {
        return spread.toNanos() / script.turns() * (turn - 1)
                + spread.toNanos() / script.prompts() * (conversation - conversation % BURST);
    }

    private void ask(int conversation, int turn) {
        PromptEvent prompt = script.prompt(conversation, turn);
        transcript.asked(prompt.getId());
        send(prompt);
        if (script.isSentTwice(conversation, turn)) {
            send(prompt);
        }
        asked[conversation] = turn;
    }

    private void send(PromptEvent prompt) {
        byte[] key = prompt.getConversationId().getBytes(StandardCharsets.UTF_8);
        var _ = producer.send(new ProducerRecord<>(kafka.prompts(), key, prompts.encode(prompt)), (_, failure) -> {
            if (failure != null) {
                unsent.compareAndSet(null, failure);
            }
        });
    }

    @Override
    public void close() {
        producer.close(Duration.ZERO);
        outputs.close();
    }
}
