package io.millrace.job;

import io.millrace.job.embedded.EmbeddedKafka;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.kafka.KafkaContainer;

/** A Kafka broker for tests: Kafka's own image where there is a Docker engine, the embedded broker where there is none. */
record TestBroker(String bootstrapServers, Runnable stop) implements AutoCloseable {
    private static final String IMAGE = "apache/kafka-native:4.2.0";

    static TestBroker start() {
        if (DockerClientFactory.instance().isDockerAvailable()) {
            KafkaContainer container = new KafkaContainer(IMAGE);
            container.start();
            return new TestBroker(container.getBootstrapServers(), container::stop);
        }
        EmbeddedKafka embedded = EmbeddedKafka.start();
        return new TestBroker(embedded.bootstrapServers(), embedded::close);
    }

    @Override
    public void close() {
        stop.run();
    }
}
