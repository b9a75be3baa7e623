package io.millrace.job.kafka;

import io.millrace.job.format.EventFormat;
import io.millrace.operator.MillraceOptions;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;

/**
 * The values of {@link KafkaOptions}, checked once.
 *
 * @param maxEventBytes longer records are dead letters
 * @param replicationFactor of created topics; empty leaves it to the broker
 * @param clientProperties Kafka client properties that pass through, without their prefix
 */
public record KafkaSettings(String bootstrapServers, EventFormat format, String groupId,
        StartingOffsets startingOffsets, String transactionalIdPrefix, Duration transactionTimeout,
        Duration connectTimeout, String prompts, String controls, String completions, String deltas,
        String deadLetters, boolean createTopics, int partitions, Optional<Integer> replicationFactor,
        int maxEventBytes, Map<String, String> clientProperties) {

    private static final Duration SHORTEST_CONNECT_TIMEOUT = Duration.ofMillis(100);
    /** Kafka's clients count milliseconds in 32 bits. */
    private static final Duration LONGEST_TIMEOUT = Duration.ofDays(24);
    /** The producer's own default. */
    private static final int DEFAULT_MAX_REQUEST_BYTES = 1 << 20;

    /** Client properties that have an option of their own, or that the job's guarantees rest on. */
    private static final Map<String, String> RESERVED = Map.of(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG,
            "set " + KafkaOptions.BOOTSTRAP_SERVERS.key(), CommonClientConfigs.GROUP_ID_CONFIG,
            "set " + KafkaOptions.GROUP_ID.key(), ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
            "set " + KafkaOptions.TRANSACTION_TIMEOUT.key(), ProducerConfig.TRANSACTIONAL_ID_CONFIG,
            "set " + KafkaOptions.TRANSACTIONAL_ID_PREFIX.key(), ConsumerConfig.AUTO_OFFSET_RESET_CONFIG,
            "set " + KafkaOptions.STARTING_OFFSETS.key(), ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG,
            "offsets are committed with checkpoints", ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG,
            "set " + KafkaOptions.FORMAT.key(), ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG,
            "set " + KafkaOptions.FORMAT.key(), ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG,
            "set " + KafkaOptions.FORMAT.key(), ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG,
            "set " + KafkaOptions.FORMAT.key());

    public KafkaSettings {
        clientProperties = Map.copyOf(clientProperties);
    }

    /**
     * Reads and checks the settings.
     *
     * @throws IllegalArgumentException that names the option, its value and the remedy
     */
    public static KafkaSettings of(ReadableConfig config) {
        String group = nonBlank(config, KafkaOptions.GROUP_ID, "name a consumer group");
        KafkaSettings settings = new KafkaSettings(
                nonBlank(config, KafkaOptions.BOOTSTRAP_SERVERS, "set it to the address of a Kafka broker, host:port"),
                config.get(KafkaOptions.FORMAT), group, config.get(KafkaOptions.STARTING_OFFSETS),
                config.getOptional(KafkaOptions.TRANSACTIONAL_ID_PREFIX).orElse(group), transactionTimeout(config),
                connectTimeout(config),
                nonBlank(config, KafkaOptions.PROMPTS, "name a topic"),
                nonBlank(config, KafkaOptions.CONTROLS, "name a topic"),
                nonBlank(config, KafkaOptions.COMPLETIONS, "name a topic"),
                nonBlank(config, KafkaOptions.DELTAS, "name a topic"),
                nonBlank(config, KafkaOptions.DEAD_LETTERS, "name a topic"), config.get(KafkaOptions.CREATE_TOPICS),
                atLeast(1, KafkaOptions.PARTITIONS, config.get(KafkaOptions.PARTITIONS)),
                config.getOptional(KafkaOptions.REPLICATION_FACTOR)
                        .map(factor -> atLeast(1, KafkaOptions.REPLICATION_FACTOR, factor)),
                Math.clamp(config.get(MillraceOptions.MAX_EVENT_SIZE).getBytes(), 1, Integer.MAX_VALUE - 8),
                clientProperties(config));
        settings.maxRequestBytes();
        // One topic in two parts would feed the job its own answers, or mix kinds of events.
        Set<String> seen = new HashSet<>();
        for (String topic : settings.topics()) {
            if (!seen.add(topic)) {
                throw new IllegalArgumentException("millrace.topics: the topic " + topic
                        + " has two parts; prompts, controls, completions, deltas and dead-letters need a topic each");
            }
        }
        return settings;
    }

    /** All topics, those that are read first. */
    public List<String> topics() {
        return List.of(prompts, controls, completions, deltas, deadLetters);
    }

    /** The largest request, and so the largest record, that a producer sends. */
    public int maxRequestBytes() {
        String bytes = clientProperties.get(ProducerConfig.MAX_REQUEST_SIZE_CONFIG);
        try {
            return bytes == null ? DEFAULT_MAX_REQUEST_BYTES : Integer.parseInt(bytes.strip());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(KafkaOptions.CLIENT_PROPERTY_PREFIX
                    + ProducerConfig.MAX_REQUEST_SIZE_CONFIG + ": '" + bytes + "' is no number of bytes", e);
        }
    }

    /** Properties for a Kafka client: the address and what passes through. */
    public Properties client() {
        Properties properties = new Properties();
        properties.putAll(clientProperties);
        properties.setProperty(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
        return properties;
    }

    private static String nonBlank(ReadableConfig config, ConfigOption<String> option, String remedy) {
        String value = config.getOptional(option).or(() -> Optional.ofNullable(option.defaultValue())).orElse("")
                .strip();
        if (value.isEmpty()) {
            throw new IllegalArgumentException(option.key() + ": missing; " + remedy);
        }
        return value;
    }

    private static int atLeast(int least, ConfigOption<Integer> option, int value) {
        if (value < least) {
            throw new IllegalArgumentException(
                    option.key() + ": " + value + " is out of range; set it to " + least + " or more");
        }
        return value;
    }

    private static Duration connectTimeout(ReadableConfig config) {
        Duration timeout = config.get(KafkaOptions.CONNECT_TIMEOUT);
        if (timeout.compareTo(SHORTEST_CONNECT_TIMEOUT) < 0 || timeout.compareTo(LONGEST_TIMEOUT) > 0) {
            throw new IllegalArgumentException(KafkaOptions.CONNECT_TIMEOUT.key() + ": " + timeout
                    + " is out of range; set it to " + SHORTEST_CONNECT_TIMEOUT.toMillis() + " ms or more, and at most "
                    + LONGEST_TIMEOUT.toDays() + " d");
        }
        return timeout;
    }

    /** Completions of one interval wait in a transaction for the next checkpoint, whose end commits them. */
    private static Duration transactionTimeout(ReadableConfig config) {
        Duration timeout = config.get(KafkaOptions.TRANSACTION_TIMEOUT);
        Duration interval = config.getOptional(CheckpointingOptions.CHECKPOINTING_INTERVAL).orElse(Duration.ZERO);
        if (timeout.dividedBy(2).compareTo(interval) < 0 || timeout.compareTo(Duration.ofMillis(1)) < 0
                || timeout.compareTo(LONGEST_TIMEOUT) > 0) {
            throw new IllegalArgumentException(KafkaOptions.TRANSACTION_TIMEOUT.key() + ": " + timeout
                    + " is out of range; set it to at least twice "
                    + CheckpointingOptions.CHECKPOINTING_INTERVAL.key() + " (" + interval
                    + "), and at most " + LONGEST_TIMEOUT.toDays()
                    + " d, since completions stay in a transaction until the next checkpoint is complete");
        }
        return timeout;
    }

    private static Map<String, String> clientProperties(ReadableConfig config) {
        Map<String, String> properties = new TreeMap<>();
        config.toMap().forEach((key, value) -> {
            if (key.startsWith(KafkaOptions.CLIENT_PROPERTY_PREFIX)) {
                properties.put(key.substring(KafkaOptions.CLIENT_PROPERTY_PREFIX.length()), value);
            }
        });
        for (String property : properties.keySet()) {
            String instead = RESERVED.get(property);
            if (instead != null) {
                throw new IllegalArgumentException(
                        KafkaOptions.CLIENT_PROPERTY_PREFIX + property + ": cannot be set; " + instead);
            }
        }
        return properties;
    }
}
