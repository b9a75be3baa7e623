package io.millrace.job.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.job.embedded.EmbeddedKafka;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.configuration.Configuration;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class TopicsTest {
    private static EmbeddedKafka kafka;

    @BeforeAll
    static void startBroker() {
        kafka = EmbeddedKafka.start();
    }

    @AfterAll
    static void stopBroker() {
        kafka.close();
    }

    private static KafkaSettings settings(String address, String prefix, Map<String, String> options) {
        Map<String, String> all = new HashMap<>(options);
        all.put("millrace.kafka.bootstrap-servers", address);
        for (String topic : List.of("prompts", "controls", "completions", "deltas", "dead-letters")) {
            all.put("millrace.topics." + topic, prefix + topic);
        }
        return KafkaSettings.of(Configuration.fromMap(all));
    }

    @Test
    void missingTopicsAreCreatedAndTheLimitsOfAllAreRead() throws Exception {
        KafkaSettings settings = settings(kafka.bootstrapServers(), "made.", Map.of("millrace.topics.partitions", "3"));
        try (Admin admin = Admin.create(settings.client())) {
            admin.createTopics(List.of(new NewTopic("made.completions", Optional.of(1), Optional.empty())
                    .configs(Map.of("max.message.bytes", "5000")))).all().get();

            Map<String, Integer> limits = Topics.prepare(settings);

            Map<String, TopicDescription> topics = admin.describeTopics(settings.topics()).allTopicNames().get();
            assertThat(topics).extractingByKey("made.prompts").returns(3, topic -> topic.partitions().size());
            assertThat(topics).as("existing topics are left alone").extractingByKey("made.completions")
                    .returns(1, topic -> topic.partitions().size());
            assertThat(limits).containsOnlyKeys(settings.topics()).containsEntry("made.completions", 5000)
                    .containsEntry("made.prompts", 1 << 20);
            assertThat(Topics.prepare(settings)).as("a second time changes nothing").isEqualTo(limits);
        }
    }

    @Test
    void topicsThatMustNotBeCreatedAreNamedWithTheCommandThatCreatesThem() {
        KafkaSettings settings = settings(kafka.bootstrapServers(), "missing.",
                Map.of("millrace.topics.create", "false"));
        assertThatThrownBy(() -> Topics.prepare(settings)).isInstanceOf(KafkaSetupException.class)
                .hasMessage(
                        "missing topics: missing.completions, missing.controls, missing.dead-letters, missing.deltas, "
                                + "missing.prompts; set millrace.topics.create=true, or create each with: kafka-topics.sh "
                                + "--bootstrap-server " + kafka.bootstrapServers()
                                + " --create --partitions 4 --topic missing.completions");
    }

    @Test
    void anIllegalTopicNameIsReportedInOneLine() {
        KafkaSettings settings = settings(kafka.bootstrapServers(), "not a name ", Map.of());
        assertThatThrownBy(() -> Topics.prepare(settings)).isInstanceOf(KafkaSetupException.class).message()
                .contains("not a name").doesNotContain("\n");
    }

    @Test
    void aBrokerThatDoesNotAnswerIsNamed() throws IOException {
        // Accepts connections by its backlog and never says a word.
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            String address = "127.0.0.1:" + silent.getLocalPort();
            KafkaSettings settings = settings(address, "x", Map.of("millrace.kafka.connect-timeout", "500 ms"));
            assertThatThrownBy(() -> Topics.prepare(settings)).isInstanceOf(KafkaSetupException.class)
                    .hasMessage("millrace.kafka.bootstrap-servers: no Kafka broker answers at " + address
                            + " within 500 ms; check the address, and kafka.security.protocol if the broker expects TLS or "
                            + "SASL");
        }
    }

    @Test
    void anAddressThatIsNoneIsNamed() {
        assertThatThrownBy(() -> Topics.prepare(settings("nonsense", "x", Map.of())))
                .isInstanceOf(KafkaSetupException.class)
                .hasMessageStartingWith("millrace.kafka.bootstrap-servers: no Kafka client for nonsense: ").message()
                .doesNotContain("\n");
    }
}
