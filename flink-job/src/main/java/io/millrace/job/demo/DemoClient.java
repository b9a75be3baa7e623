package io.millrace.job.demo;

import io.millrace.job.format.EventCodec;
import io.millrace.job.format.EventFormat;
import io.millrace.job.format.EventFormatException;
import io.millrace.job.kafka.KafkaSettings;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.TokenDelta;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Talks to the job over Kafka alone: prompts out, deltas and committed completions in. Used and closed by one thread. */
final class DemoClient implements AutoCloseable {
    private static final int MAX_EVENT_BYTES = 16 << 20;

    /** What the job said. */
    sealed interface Answer {
        record Delta(TokenDelta delta) implements Answer {}

        record Completion(CompletionEvent completion) implements Answer {}
    }

    private final KafkaSettings kafka;
    private final EventCodec<PromptEvent> prompts;
    private final EventCodec<TokenDelta> deltas;
    private final EventCodec<CompletionEvent> completions;
    private final KafkaProducer<byte[], byte[]> producer;
    private final KafkaConsumer<byte[], byte[]> consumer;

    DemoClient(KafkaSettings kafka) {
        this.kafka = kafka;
        EventFormat format = kafka.format();
        prompts = format.codec(PromptEvent.class, MAX_EVENT_BYTES);
        deltas = format.codec(TokenDelta.class, MAX_EVENT_BYTES);
        completions = format.codec(CompletionEvent.class, MAX_EVENT_BYTES);
        producer = new KafkaProducer<>(kafka.client(), new ByteArraySerializer(), new ByteArraySerializer());
        Properties reading = kafka.client();
        reading.setProperty(ConsumerConfig.GROUP_ID_CONFIG, "millrace-demo-" + UUID.randomUUID());
        reading.setProperty(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        reading.setProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        consumer = new KafkaConsumer<>(reading, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        consumer.subscribe(List.of(kafka.deltas(), kafka.completions()));
    }

    /** Returns when the broker has the prompt. */
    void send(PromptEvent prompt) throws InterruptedException {
        byte[] key = Objects.requireNonNull(prompt.getConversationId()).getBytes(StandardCharsets.UTF_8);
        try {
            producer.send(new ProducerRecord<>(kafka.prompts(), key, prompts.encode(prompt))).get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("the prompt " + prompt.getId() + " could not be sent", e);
        }
    }

    List<Answer> poll(Duration patience) throws EventFormatException {
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
