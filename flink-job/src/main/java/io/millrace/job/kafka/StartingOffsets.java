package io.millrace.job.kafka;

import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;

/** Where a job without a checkpoint begins to read. */
public enum StartingOffsets {
    /** Where the consumer group left off, and at the beginning of partitions it has not read. */
    COMMITTED,
    /** At the beginning. */
    EARLIEST,
    /** At the end: only records that arrive from now on. */
    LATEST;

    @SuppressWarnings("deprecation") // the connector's interface wants Kafka's deprecated enum
    OffsetsInitializer initializer() {
        return switch (this) {
            case COMMITTED -> OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST);
            case EARLIEST -> OffsetsInitializer.earliest();
            case LATEST -> OffsetsInitializer.latest();
        };
    }
}
