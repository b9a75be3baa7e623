package io.millrace.job.kafka;

import static org.apache.flink.configuration.ConfigOptions.key;

import io.millrace.job.format.EventFormat;
import java.time.Duration;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;

/**
 * The job's settings for Kafka, the same names in code, in YAML and on the command line. {@link KafkaSettings} checks their
 * values. Besides these, every property of Kafka's clients passes through: {@code kafka.security.protocol} becomes
 * {@code security.protocol} of the consumer, the producers and the admin client.
 */
public final class KafkaOptions {
    /** Prefix of the properties that pass through to Kafka's clients. */
    public static final String CLIENT_PROPERTY_PREFIX = "kafka.";

    // ---------------------------------------------------------------------------------------------------- cluster

    public static final ConfigOption<String> BOOTSTRAP_SERVERS = key("millrace.kafka.bootstrap-servers").stringType()
            .noDefaultValue().withDescription("Addresses of Kafka brokers, host:port, separated by commas.");

    public static final ConfigOption<EventFormat> FORMAT = key("millrace.kafka.format").enumType(EventFormat.class)
            .defaultValue(EventFormat.JSON)
            .withDescription("How events are written: json, or avro for Avro single-object encoding.");

    public static final ConfigOption<String> GROUP_ID = key("millrace.kafka.group-id").stringType()
            .defaultValue("millrace")
            .withDescription(
                    "Consumer group under which offsets are committed, for monitoring and for a first start; a "
                            + "restore goes by the offsets in its checkpoint.");

    public static final ConfigOption<StartingOffsets> STARTING_OFFSETS = key("millrace.kafka.starting-offsets")
            .enumType(StartingOffsets.class).defaultValue(StartingOffsets.COMMITTED)
            .withDescription(
                    "Where to read from without a checkpoint: committed (by the group, else earliest), earliest "
                            + "or latest.");

    public static final ConfigOption<String> TRANSACTIONAL_ID_PREFIX = key("millrace.kafka.transactional-id-prefix")
            .stringType().noDefaultValue()
            .withDescription(
                    "Begins the names of the transactions that completions are written in. Every job of a Kafka "
                            + "cluster needs its own, and keeps it over restarts. When absent, the group id.");

    public static final ConfigOption<Duration> TRANSACTION_TIMEOUT = key("millrace.kafka.transaction-timeout")
            .durationType().defaultValue(Duration.ofMinutes(15))
            .withDescription("The broker aborts a transaction that is open for longer, which loses completions that a "
                    + "checkpoint counts as written: it must outlast a checkpoint interval and the longest time that the "
                    + "job may be down. At most the broker's transaction.max.timeout.ms, 15 minutes by default.");

    public static final ConfigOption<Duration> CONNECT_TIMEOUT = key("millrace.kafka.connect-timeout").durationType()
            .defaultValue(Duration.ofSeconds(10))
            .withDescription("How long to wait for a broker before the job starts.");

    // ----------------------------------------------------------------------------------------------------- topics

    public static final ConfigOption<String> PROMPTS = key("millrace.topics.prompts").stringType()
            .defaultValue("millrace.prompts").withDescription("Topic that prompts are read from.");

    public static final ConfigOption<String> CONTROLS = key("millrace.topics.controls").stringType()
            .defaultValue("millrace.controls").withDescription("Topic that session controls are read from.");

    public static final ConfigOption<String> COMPLETIONS = key("millrace.topics.completions").stringType()
            .defaultValue("millrace.completions")
            .withDescription("Topic that completions are written to, exactly once: read it with "
                    + "isolation.level=read_committed.");

    public static final ConfigOption<String> DELTAS = key("millrace.topics.deltas").stringType()
            .defaultValue("millrace.deltas").withDescription("Topic that token deltas are written to, at least once.");

    public static final ConfigOption<String> DEAD_LETTERS = key("millrace.topics.dead-letters").stringType()
            .defaultValue("millrace.dead-letters")
            .withDescription("Topic that records go to which could not become a request, at least once.");

    public static final ConfigOption<Boolean> CREATE_TOPICS = key("millrace.topics.create").booleanType()
            .defaultValue(true)
            .withDescription("Whether missing topics are created; otherwise the job refuses to start and names them.");

    public static final ConfigOption<Integer> PARTITIONS = key("millrace.topics.partitions").intType().defaultValue(4)
            .withDescription("Partitions of a topic that is created.");

    public static final ConfigOption<Integer> REPLICATION_FACTOR = key("millrace.topics.replication-factor").intType()
            .noDefaultValue()
            .withDescription("Replicas of a topic that is created. When absent, the broker's default.");

    /** Every option above, in this order, for command lines and documentation. */
    public static final List<ConfigOption<?>> ALL = List.of(BOOTSTRAP_SERVERS, FORMAT, GROUP_ID, STARTING_OFFSETS,
            TRANSACTIONAL_ID_PREFIX, TRANSACTION_TIMEOUT, CONNECT_TIMEOUT, PROMPTS, CONTROLS, COMPLETIONS, DELTAS,
            DEAD_LETTERS, CREATE_TOPICS, PARTITIONS, REPLICATION_FACTOR);

    private KafkaOptions() {}
}
