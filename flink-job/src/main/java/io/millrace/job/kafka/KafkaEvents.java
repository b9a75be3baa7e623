package io.millrace.job.kafka;

import io.millrace.operator.SessionInputs;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.state.Origin;
import io.millrace.schemas.state.SessionInput;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.KafkaSinkBuilder;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;

/** The job's streams from and to Kafka. */
public final class KafkaEvents {
    private final KafkaSettings settings;
    private final Map<String, Integer> recordLimits;

    /**
     * @param recordLimits by topic, the bytes that a record may have, as {@link Topics#prepare} found them
     */
    public KafkaEvents(KafkaSettings settings, Map<String, Integer> recordLimits) {
        this.settings = settings;
        this.recordLimits = Map.copyOf(recordLimits);
    }

    /**
     * What was read.
     *
     * @param inputs prompts and controls
     * @param deadLetters records that could not be decoded
     * @param refusals error completions for those of them whose request id could be read
     */
    public record Inputs(DataStream<SessionInput> inputs, DataStream<DeadLetter> deadLetters,
            DataStream<CompletionEvent> refusals) {}

    /** Prompts and controls from their topics. No record fails the job. */
    public Inputs read(StreamExecutionEnvironment env) {
        KafkaSource<Origin> source = KafkaSource.<Origin>builder().setTopics(settings.prompts(), settings.controls())
                .setProperties(consumer()).setGroupId(settings.groupId()).setClientIdPrefix(settings.groupId())
                .setStartingOffsets(settings.startingOffsets().initializer()).setDeserializer(new RecordReader())
                .build();
        SingleOutputStreamOperator<SessionInput> inputs = env
                .fromSource(source, WatermarkStrategy.noWatermarks(), "prompts and controls", RecordReader.TYPE)
                .uid("kafka-source").process(new EventDecoder(settings), SessionInputs.TYPE).name("decode")
                .uid("decode");
        return new Inputs(inputs, inputs.getSideOutput(EventDecoder.DEAD_LETTERS),
                inputs.getSideOutput(EventDecoder.REFUSALS));
    }

    /** Completions, exactly once: visible to readers of committed records when the next checkpoint is complete. */
    public void writeCompletions(DataStream<CompletionEvent> completions) {
        KafkaSinkBuilder<CompletionEvent> sink = sink(
                new CompletionWriter(output(settings.completions()), settings.format()));
        // Names are used again, so that the broker does not keep one for every checkpoint that there ever was.
        sink.setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
                .setTransactionNamingStrategy(TransactionNamingStrategy.POOLING)
                .setTransactionalIdPrefix(settings.transactionalIdPrefix())
                .setProperty(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
                        String.valueOf(settings.transactionTimeout().toMillis()));
        completions.sinkTo(sink.build()).name("completions").uid("kafka-completions");
    }

    /** Token deltas, at least once and at once. */
    public void writeDeltas(DataStream<TokenDelta> deltas) {
        KafkaSink<TokenDelta> sink = sink(new DeltaWriter(output(settings.deltas()), settings.format()))
                .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE).build();
        deltas.sinkTo(sink).name("deltas").uid("kafka-deltas");
    }

    /** Dead letters, at least once. */
    public void writeDeadLetters(DataStream<DeadLetter> deadLetters) {
        KafkaSink<DeadLetter> sink = sink(new DeadLetterWriter(output(settings.deadLetters())))
                .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE).build();
        deadLetters.sinkTo(sink).name("dead letters").uid("kafka-dead-letters");
    }

    private Properties consumer() {
        Properties properties = settings.client();
        // Prompts that their producer took back were never sent.
        properties.putIfAbsent(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        return properties;
    }

    private <T> KafkaSinkBuilder<T> sink(
            KafkaRecordSerializationSchema<T> serializer) {
        return KafkaSink.<T>builder().setBootstrapServers(settings.bootstrapServers())
                .setKafkaProducerConfig(settings.client()).setRecordSerializer(serializer);
    }

    private OutputTopic output(String topic) {
        return new OutputTopic(topic, "/millrace/" + settings.groupId(),
                recordLimits.getOrDefault(topic, Integer.MAX_VALUE));
    }
}
