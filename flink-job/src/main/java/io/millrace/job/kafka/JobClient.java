package io.millrace.job.kafka;

import io.millrace.job.format.EventCodec;
import io.millrace.job.format.EventFormat;
import io.millrace.job.format.EventFormatException;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import io.millrace.schemas.TokenDelta;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/**
 * Talks to the job over Kafka alone: prompts out, deltas and committed completions in. Used and closed by one thread.
 */
public final class JobClient implements AutoCloseable {
    private static final int MAX_EVENT_BYTES = 16 << 20;

    /** What the job said. */
    public sealed interface Answer {
        record Delta(TokenDelta delta) implements Answer {}

        record Completion(CompletionEvent completion) implements Answer {}
    }

    private final KafkaSettings kafka;
    private final EventCodec<PromptEvent> prompts;
    private final EventCodec<SessionControl> controls;
    private final EventCodec<TokenDelta> deltas;
    private final EventCodec<CompletionEvent> completions;
    private final KafkaProducer<byte[], byte[]> producer;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final AtomicReference<@Nullable IllegalStateException> unsent = new AtomicReference<>();

    /** Connects; what the job says from now on is heard, and what it said before. */
    public JobClient(KafkaSettings kafka) {
        this.kafka = kafka;
        EventFormat format = kafka.format();
        prompts = format.codec(PromptEvent.class, MAX_EVENT_BYTES);
        controls = format.codec(SessionControl.class, MAX_EVENT_BYTES);
        deltas = format.codec(TokenDelta.class, MAX_EVENT_BYTES);
        completions = format.codec(CompletionEvent.class, MAX_EVENT_BYTES);
        Properties writing = kafka.client();
        // Somebody waits for the answer.
        writing.putIfAbsent(ProducerConfig.LINGER_MS_CONFIG, "0");
        producer = new KafkaProducer<>(writing, new ByteArraySerializer(), new ByteArraySerializer());
        Properties reading = kafka.client();
        reading.setProperty(ConsumerConfig.GROUP_ID_CONFIG, "millrace-client-" + UUID.randomUUID());
        reading.setProperty(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        reading.setProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        consumer = new KafkaConsumer<>(reading, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        consumer.subscribe(List.of(kafka.deltas(), kafka.completions()));
    }

    /** Sends without waiting; {@link #poll} says when the broker did not take it. */
    public void send(PromptEvent prompt) {
        String conversation = prompt.getConversationId();
        send(kafka.prompts(), conversation == null ? prompt.getId() : conversation, prompts.encode(prompt),
                "the prompt " + prompt.getId());
    }

    /** Asks the job to forget a conversation, without waiting. It may overtake a prompt that was sent before. */
    public void endSession(String conversationId) {
        SessionControl control = SessionControl.newBuilder().setAction("end_session")
                .setConversationId(conversationId).build();
        send(kafka.controls(), conversationId, controls.encode(control), "the end of " + conversationId);
    }

    private void send(String topic, String key, byte[] event, String what) {
        var _ = producer.send(new ProducerRecord<>(topic, key.getBytes(StandardCharsets.UTF_8), event),
                (_, failure) -> {
                    if (failure != null) {
                        unsent.compareAndSet(null, new IllegalStateException(what + " could not be sent", failure));
                    }
                });
    }

    /**
     * What the job said since the last call; waits this long when there is nothing.
     *
     * @throws IllegalStateException when something could not be sent
     */
    public List<Answer> poll(Duration patience) throws EventFormatException {
        IllegalStateException failure = unsent.get();
        if (failure != null) {
            throw failure;
        }
        List<Answer> answers = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(patience)) {
            answers.add(record.topic().equals(kafka.deltas())
                    ? new Answer.Delta(deltas.decode(record.value()))
                    : new Answer.Completion(completions.decode(record.value())));
        }
        return answers;
    }

    @Override
    public void close() {
        producer.close(Duration.ofSeconds(5));
        consumer.close();
    }
}
