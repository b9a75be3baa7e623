package io.millrace.job.chaos;

import io.millrace.job.format.EventCodec;
import io.millrace.job.format.EventFormatException;
import io.millrace.job.kafka.KafkaSettings;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.TokenDelta;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads all that the job writes, each record once, committed ones only. Without a consumer group: a broker's restart must not
 * make this reader count a record twice. Used and closed by one thread.
 */
final class Outputs implements AutoCloseable {
    private static final int MAX_EVENT_BYTES = 16 << 20;
    private static final Duration POLL = Duration.ofMillis(50);

    private final KafkaSettings kafka;
    private final EventCodec<TokenDelta> deltas;
    private final EventCodec<CompletionEvent> completions;
    private final KafkaConsumer<byte[], byte[]> consumer;

    /** From the beginning of the topics, which must exist. */
    Outputs(KafkaSettings kafka) {
        this.kafka = kafka;
        deltas = kafka.format().codec(TokenDelta.class, MAX_EVENT_BYTES);
        completions = kafka.format().codec(CompletionEvent.class, MAX_EVENT_BYTES);
        Properties properties = kafka.client();
        properties.setProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        properties.setProperty(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
        properties.setProperty(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        List<TopicPartition> partitions = List.of(kafka.deltas(), kafka.completions(), kafka.deadLetters()).stream()
                .flatMap(topic -> consumer.partitionsFor(topic).stream())
                .map(info -> new TopicPartition(info.topic(), info.partition())).toList();
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
    }

    /** Takes in what there is; waits a moment when there is nothing. */
    void read(Transcript transcript) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
            try {
                if (record.topic().equals(kafka.deltas())) {
                    transcript.hear(deltas.decode(record.value()));
                } else if (record.topic().equals(kafka.completions())) {
                    transcript.hear(completions.decode(record.value()));
                } else {
                    transcript.hearDeadLetter();
                }
            } catch (EventFormatException e) {
                throw new IllegalStateException("the job wrote a record that cannot be read, " + record.topic() + "-"
                        + record.partition() + "@" + record.offset() + ": " + e.getMessage(), e);
            }
        }
    }

    /** Takes in all that is committed by now. */
    void readToEnd(Transcript transcript) {
        Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
        while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            read(transcript);
        }
    }

    @Override
    public void close() {
        consumer.close();
    }
}
