package io.millrace.job.kafka;

import io.millrace.job.RootCause;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The step before the job: the cluster answers, every topic exists, and how large its records may be is known.
 */
public final class Topics {
    private static final Logger LOG = LoggerFactory.getLogger(Topics.class);

    private final KafkaSettings settings;
    private final Admin admin;

    private Topics(KafkaSettings settings, Admin admin) {
        this.settings = settings;
        this.admin = admin;
    }

    /**
     * Creates the topics that are missing, or names them, and reads the limits of all.
     *
     * @return by topic, the bytes that a record may have
     * @throws KafkaSetupException when no broker answers within {@code millrace.kafka.connect-timeout}, when access is
     *         refused, or when topics are missing and must not be created
     */
    public static Map<String, Integer> prepare(KafkaSettings settings) {
        Properties properties = settings.client();
        String timeout = String.valueOf(settings.connectTimeout().toMillis());
        properties.setProperty(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, timeout);
        properties.setProperty(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, timeout);
        // The work has ended or failed when the client is closed: nothing is left to wait for.
        Admin admin;
        try {
            admin = Admin.create(properties);
        } catch (KafkaException e) {
            throw new KafkaSetupException(KafkaOptions.BOOTSTRAP_SERVERS.key() + ": no Kafka client for "
                    + settings.bootstrapServers() + ": " + RootCause.message(e), e);
        }
        try {
            Topics topics = new Topics(settings, admin);
            List<String> missing = topics.missing();
            if (!missing.isEmpty()) {
                topics.create(missing);
            }
            return topics.recordLimits();
        } finally {
            admin.close(Duration.ZERO);
        }
    }

    private List<String> missing() {
        List<String> missing = new ArrayList<>();
        admin.describeTopics(settings.topics()).topicNameValues().forEach((topic, description) -> {
            try {
                await(description, "describe the topic " + topic);
            } catch (UnknownTopicOrPartitionException e) {
                missing.add(topic);
            }
        });
        return missing.stream().sorted().toList();
    }

    private void create(List<String> missing) {
        if (!settings.createTopics()) {
            throw new KafkaSetupException("missing topics: " + String.join(", ", missing) + "; set "
                    + KafkaOptions.CREATE_TOPICS.key()
                    + "=true, or create each with: kafka-topics.sh --bootstrap-server "
                    + settings.bootstrapServers() + " --create --partitions " + settings.partitions() + " --topic "
                    + missing.getFirst(), null);
        }
        List<NewTopic> topics = missing.stream().map(name -> new NewTopic(name, Optional.of(settings.partitions()),
                settings.replicationFactor().map(Integer::shortValue))).toList();
        admin.createTopics(topics).values().forEach((topic, created) -> {
            try {
                await(created, "create the topic " + topic);
                LOG.info("created the topic {} with {} partitions", topic, settings.partitions());
            } catch (TopicExistsException e) {
                LOG.debug("the topic {} was created by somebody else meanwhile", topic);
            }
        });
        awaitVisible();
    }

    /** A broker learns of a created topic a moment after the controller. */
    private void awaitVisible() {
        long deadline = System.nanoTime() + settings.connectTimeout().toNanos();
        List<String> missing = missing();
        while (!missing.isEmpty()) {
            if (System.nanoTime() > deadline) {
                throw new KafkaSetupException("the topics " + String.join(", ", missing) + " were created but are not "
                        + "visible after " + settings.connectTimeout().toMillis() + " ms; check the brokers", null);
            }
            pause();
            missing = missing();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new KafkaSetupException("interrupted while topics were created", e);
        }
    }

    /** A record that is too large fails its sink, and the job with it, again and again: so the sinks must know. */
    private Map<String, Integer> recordLimits() {
        List<ConfigResource> resources = settings.topics().stream()
                .map(topic -> new ConfigResource(ConfigResource.Type.TOPIC, topic)).toList();
        Map<String, Integer> limits = new HashMap<>();
        admin.describeConfigs(resources).values().forEach((resource, config) -> limits.put(resource.name(),
                Math.min(settings.maxRequestBytes(), topicLimit(resource.name(), config))));
        return limits;
    }

    private int topicLimit(String topic, KafkaFuture<Config> config) {
        try {
            ConfigEntry entry = await(config, "read the settings of the topic " + topic)
                    .get(TopicConfig.MAX_MESSAGE_BYTES_CONFIG);
            return entry == null || entry.value() == null ? Integer.MAX_VALUE : Integer.parseInt(entry.value());
        } catch (AuthorizationException e) {
            LOG.info("the settings of the topic {} may not be read; records up to the producer's {} are sent", topic,
                    ProducerConfig.MAX_REQUEST_SIZE_CONFIG);
            return Integer.MAX_VALUE;
        }
    }

    /** The result, the topic's own error, or one line about the cluster. */
    private <V> V await(KafkaFuture<V> result, String task) {
        try {
            return result.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new KafkaSetupException("interrupted: could not " + task, e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case UnknownTopicOrPartitionException unknown -> throw unknown;
                case TopicExistsException exists -> throw exists;
                case AuthorizationException refused when task.startsWith("read the settings") -> throw refused;
                case TimeoutException timeout -> throw new KafkaSetupException(KafkaOptions.BOOTSTRAP_SERVERS.key()
                        + ": no Kafka broker answers at " + settings.bootstrapServers() + " within "
                        + settings.connectTimeout().toMillis()
                        + " ms; check the address, and kafka.security.protocol if the broker expects TLS or SASL",
                        timeout);
                case AuthenticationException refused ->
                    throw new KafkaSetupException("the Kafka broker at " + settings.bootstrapServers()
                            + " refused the login: " + RootCause.message(refused)
                            + "; check kafka.security.protocol, kafka.sasl.* and kafka.ssl.*", refused);
                case null, default -> throw new KafkaSetupException("the Kafka cluster at "
                        + settings.bootstrapServers() + " could not " + task + ": " + RootCause.message(e), e);
            }
        }
    }
}
