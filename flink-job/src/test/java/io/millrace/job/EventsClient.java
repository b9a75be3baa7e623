package io.millrace.job;

import io.millrace.job.format.EventCodec;
import io.millrace.job.format.EventFormat;
import io.millrace.job.format.EventFormatException;
import io.millrace.job.kafka.KafkaOptions;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.TokenDelta;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.configuration.Configuration;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/** Somebody else's program: writes prompts and reads what comes back, committed records only. */
final class EventsClient implements AutoCloseable {
    private static final int LIMIT = 8 << 20;
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private final Configuration topics;
    private final KafkaProducer<byte[], byte[]> producer;
    private final Map<String, Reader> readers = new HashMap<>();
    private final String bootstrapServers;
    private final EventCodec<PromptEvent> prompts;
    private final EventCodec<CompletionEvent> completions;
    private final EventCodec<TokenDelta> deltas;

    /** A topic's records so far. */
    private record Reader(KafkaConsumer<byte[], byte[]> consumer, List<ConsumerRecord<byte[], byte[]>> records) {}

    EventsClient(String bootstrapServers, Configuration topics, EventFormat format) {
        this.bootstrapServers = bootstrapServers;
        this.topics = topics;
        this.producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", bootstrapServers, "max.request.size", String.valueOf(LIMIT)),
                new ByteArraySerializer(), new ByteArraySerializer());
        this.prompts = format.codec(PromptEvent.class, LIMIT);
        this.completions = format.codec(CompletionEvent.class, LIMIT);
        this.deltas = format.codec(TokenDelta.class, LIMIT);
    }

    void send(PromptEvent prompt) throws Exception {
        String conversation = prompt.getConversationId();
        send(conversation == null ? prompt.getId() : conversation, prompts.encode(prompt));
    }

    void send(@Nullable String key, byte @Nullable [] value) throws Exception {
        byte[] keyBytes = key == null ? null : key.getBytes(StandardCharsets.UTF_8);
        producer.send(new ProducerRecord<>(topics.get(KafkaOptions.PROMPTS), keyBytes, value)).get();
    }

    void sendControl(String key, String json) throws Exception {
        producer.send(new ProducerRecord<>(topics.get(KafkaOptions.CONTROLS), key.getBytes(StandardCharsets.UTF_8),
                json.getBytes(StandardCharsets.UTF_8))).get();
    }

    /** Waits for a request's completion. */
    CompletionEvent completion(String requestId) {
        List<ConsumerRecord<byte[], byte[]>> found = await(topics.get(KafkaOptions.COMPLETIONS),
                records -> records.stream().anyMatch(record -> completion(record).getRequestId().equals(requestId)));
        return found.stream().map(this::completion).filter(each -> each.getRequestId().equals(requestId)).findFirst()
                .orElseThrow();
    }

    /** Every completion so far. */
    List<CompletionEvent> completions() {
        return await(topics.get(KafkaOptions.COMPLETIONS), records -> true).stream().map(this::completion).toList();
    }

    /** A request's deltas up to its last one. */
    List<TokenDelta> deltas(String requestId) {
        return await(topics.get(KafkaOptions.DELTAS), records -> records.stream().map(this::delta).anyMatch(
                delta -> delta.getRequestId().equals(requestId)
                        && delta.getChoices().getFirst().getFinishReason() != null))
                .stream().map(this::delta).filter(delta -> delta.getRequestId().equals(requestId)).toList();
    }

    /** Waits for a number of dead letters. */
    List<ConsumerRecord<byte[], byte[]>> deadLetters(int count) {
        return await(topics.get(KafkaOptions.DEAD_LETTERS), records -> records.size() >= count);
    }

    private CompletionEvent completion(ConsumerRecord<byte[], byte[]> record) {
        return decode(completions, record.value());
    }

    private TokenDelta delta(ConsumerRecord<byte[], byte[]> record) {
        return decode(deltas, record.value());
    }

    private static <T extends SpecificRecord> T decode(EventCodec<T> codec, byte[] value) {
        try {
            return codec.decode(value);
        } catch (EventFormatException e) {
            throw new AssertionError("the job wrote an event that cannot be read", e);
        }
    }

    private List<ConsumerRecord<byte[], byte[]>> await(String topic,
            Predicate<List<ConsumerRecord<byte[], byte[]>>> enough) {
        Reader reader = readers.computeIfAbsent(topic, this::reader);
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        do {
            reader.consumer.poll(Duration.ofMillis(50)).forEach(reader.records::add);
            if (enough.test(reader.records)) {
                return List.copyOf(reader.records);
            }
        } while (System.nanoTime() < deadline);
        throw new AssertionError("topic " + topic + " has only " + reader.records.size() + " records after "
                + PATIENCE.toSeconds() + " s: "
                + reader.records.stream().map(record -> new String(record.value(), StandardCharsets.UTF_8)).toList());
    }

    private Reader reader(String topic) {
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", bootstrapServers, "isolation.level", "read_committed"),
                new ByteArrayDeserializer(), new ByteArrayDeserializer());
        List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                .map(info -> new TopicPartition(info.topic(), info.partition())).toList();
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        return new Reader(consumer, new ArrayList<>());
    }

    @Override
    public void close() {
        producer.close();
        readers.values().forEach(reader -> reader.consumer.close());
    }
}
