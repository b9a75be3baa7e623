package io.millrace.job.kafka;

import org.jspecify.annotations.Nullable;

/** The job cannot start with this Kafka cluster. The message is one line for the user: what is wrong and the remedy. */
public final class KafkaSetupException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    KafkaSetupException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
