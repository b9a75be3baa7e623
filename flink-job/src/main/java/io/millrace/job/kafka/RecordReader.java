package io.millrace.job.kafka;

import io.millrace.schemas.state.Origin;
import java.nio.ByteBuffer;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.formats.avro.typeutils.AvroTypeInfo;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/** Takes a record as it is, with its coordinates. There is nothing here that could fail; {@link EventDecoder} decodes. */
final class RecordReader implements KafkaRecordDeserializationSchema<Origin> {
    private static final long serialVersionUID = 1L;
    static final TypeInformation<Origin> TYPE = new AvroTypeInfo<>(Origin.class);

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Origin> out) {
        out.collect(new Origin(record.topic(), record.partition(), record.offset(), record.timestamp(),
                buffer(record.key()), buffer(record.value())));
    }

    private static @Nullable ByteBuffer buffer(byte @Nullable [] bytes) {
        return bytes == null ? null : ByteBuffer.wrap(bytes);
    }

    @Override
    public TypeInformation<Origin> getProducedType() {
        return TYPE;
    }
}
