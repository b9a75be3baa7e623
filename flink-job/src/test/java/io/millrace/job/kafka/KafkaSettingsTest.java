package io.millrace.job.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.job.format.EventFormat;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KafkaSettingsTest {

    private static KafkaSettings settings(Map<String, String> options) {
        Map<String, String> all = new HashMap<>(Map.of("millrace.kafka.bootstrap-servers", "kafka:9092"));
        all.putAll(options);
        return KafkaSettings.of(Configuration.fromMap(all));
    }

    @Test
    void onlyTheAddressIsRequired() {
        KafkaSettings settings = settings(Map.of());
        assertThat(settings.topics()).containsExactly("millrace.prompts", "millrace.controls", "millrace.completions",
                "millrace.deltas", "millrace.dead-letters");
        assertThat(settings.format()).isEqualTo(EventFormat.JSON);
        assertThat(settings.transactionalIdPrefix()).isEqualTo(settings.groupId()).isEqualTo("millrace");
        assertThatThrownBy(() -> KafkaSettings.of(new Configuration())).isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "millrace.kafka.bootstrap-servers: missing; set it to the address of a Kafka broker, host:port");
    }

    @Test
    void everyClientPropertyPassesThrough() {
        KafkaSettings settings = settings(
                Map.of("kafka.security.protocol", "SASL_SSL", "kafka.sasl.mechanism", "PLAIN"));
        assertThat(settings.client()).containsEntry("security.protocol", "SASL_SSL")
                .containsEntry("sasl.mechanism", "PLAIN").containsEntry("bootstrap.servers", "kafka:9092").hasSize(3);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
            "kafka.bootstrap.servers|x:1|kafka.bootstrap.servers: cannot be set; set millrace.kafka.bootstrap-servers",
            "kafka.transaction.timeout.ms|5|set millrace.kafka.transaction-timeout",
            "kafka.enable.auto.commit|true|offsets are committed with checkpoints",
            "kafka.max.request.size|2 MB|kafka.max.request.size: '2 MB' is no number of bytes",
            "millrace.topics.partitions|0|millrace.topics.partitions: 0 is out of range; set it to 1 or more",
            "millrace.topics.replication-factor|0|millrace.topics.replication-factor: 0 is out of range",
            "millrace.kafka.group-id| |millrace.kafka.group-id: missing",
            "millrace.kafka.connect-timeout|1 ms|millrace.kafka.connect-timeout: PT0.001S is out of range",
            "millrace.topics.deltas|millrace.prompts|the topic millrace.prompts has two parts"})
    void errorsNameTheOptionAndTheRemedy(String option, String value, String message) {
        assertThatThrownBy(() -> settings(Map.of(option, value == null ? "" : value)))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining(message);
    }

    @Test
    void aTransactionMustOutlastACheckpointInterval() {
        assertThatThrownBy(() -> settings(
                Map.of("execution.checkpointing.interval", "10 min", "millrace.kafka.transaction-timeout", "15 min")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("millrace.kafka.transaction-timeout: PT15M")
                .hasMessageContaining("execution.checkpointing.interval (PT10M)");
        assertThat(settings(Map.of("execution.checkpointing.interval", "5 min")).transactionTimeout()).hasMinutes(15);
    }
}
