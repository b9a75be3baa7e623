package io.millrace.job.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.fuzz.Inputs;
import io.millrace.job.format.EventFormat;
import io.millrace.operator.MillraceOptions;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.state.Origin;
import io.millrace.schemas.state.SessionInput;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.formats.avro.typeutils.AvroSerializer;
import org.apache.flink.streaming.api.TimerService;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whatever record Kafka brings, it is exactly one input or exactly one dead letter, and both can be sent on. */
public final class EventDecoderFuzzTest {
    private static final List<String> DICTIONARY = List.of("{\"id\":\"r\"", "\"conversation_id\":\"c\"",
            "\"messages\":[", "\"action\":\"cancel\"", "\"request_id\"", "\u0000", "\\u0000");
    private static final FuzzTarget TARGET = new FuzzTarget(EventDecoderFuzzTest.class, "record", DICTIONARY,
            EventDecoderFuzzTest::check);
    private static final Sent JSON = new Sent(EventFormat.JSON);
    private static final Sent AVRO = new Sent(EventFormat.AVRO);

    @TestFactory
    Stream<DynamicTest> everyRecordIsAnInputOrADeadLetter() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    /** The first section is the value; the second, when there is one, the key. */
    private static void check(byte[] input) throws IOException {
        List<byte[]> sections = Inputs.sections(input);
        ByteBuffer value = ByteBuffer.wrap(sections.getFirst());
        ByteBuffer key = sections.size() > 1 ? ByteBuffer.wrap(sections.get(1)) : null;
        for (Sent sent : List.of(JSON, AVRO)) {
            for (String topic : List.of("prompts", "controls")) {
                sent.check(new Origin(topic, 0, 7L, 1_700_000_000_000L, key, value));
                sent.check(new Origin(topic, 0, 8L, 1_700_000_000_000L, value, null));
            }
        }
    }

    /** What a decoder has sent of a record. */
    private static final class Sent implements Collector<SessionInput> {
        private final EventDecoder decoder;
        private final ProcessFunction<Origin, SessionInput>.Context context;
        private final List<SpecificRecord> inputs = new ArrayList<>();
        private final List<SpecificRecord> letters = new ArrayList<>();
        private final List<SpecificRecord> refusals = new ArrayList<>();

        Sent(EventFormat format) {
            Configuration config = Configuration.fromMap(Map.of(MillraceOptions.MODEL.key(), "m.gguf",
                    KafkaOptions.BOOTSTRAP_SERVERS.key(), "localhost:9092", KafkaOptions.PROMPTS.key(), "prompts",
                    KafkaOptions.CONTROLS.key(), "controls", KafkaOptions.FORMAT.key(), format.name()));
            decoder = new EventDecoder(KafkaSettings.of(config));
            decoder.open(new OpenContext() {});
            ProcessFunction<Origin, SessionInput> function = decoder;
            context = function.new Context() {
                @Override
                public @Nullable Long timestamp() {
                    return null;
                }

                @Override
                public TimerService timerService() {
                    throw new UnsupportedOperationException("a decoder has no timers");
                }

                @Override
                public <X> void output(OutputTag<X> tag, X value) {
                    (tag.equals(EventDecoder.DEAD_LETTERS) ? letters : refusals).add((SpecificRecord) value);
                }
            };
        }

        void check(Origin record) throws IOException {
            inputs.clear();
            letters.clear();
            refusals.clear();
            decoder.processElement(record, context, this);
            assertThat(inputs.size() + letters.size()).isEqualTo(1);
            assertThat(refusals).hasSizeLessThanOrEqualTo(letters.size());
            for (SpecificRecord input : inputs) {
                checkRoundTrip(new AvroSerializer<>(SessionInput.class), (SessionInput) input);
            }
            for (SpecificRecord letter : letters) {
                checkRoundTrip(new AvroSerializer<>(DeadLetter.class), (DeadLetter) letter);
                assertThat(((DeadLetter) letter).getValue()).isEqualTo(record.getValue());
            }
            for (SpecificRecord refusal : refusals) {
                checkRoundTrip(new AvroSerializer<>(CompletionEvent.class), (CompletionEvent) refusal);
            }
        }

        private static <T extends SpecificRecord> void checkRoundTrip(AvroSerializer<T> serializer, T record)
                throws IOException {
            DataOutputSerializer out = new DataOutputSerializer(256);
            serializer.serialize(record, out);
            assertThat(serializer.deserialize(new DataInputDeserializer(out.getCopyOfBuffer()))).isEqualTo(record);
        }

        @Override
        public void collect(SessionInput input) {
            inputs.add(input);
        }

        @Override
        public void close() {}
    }
}
