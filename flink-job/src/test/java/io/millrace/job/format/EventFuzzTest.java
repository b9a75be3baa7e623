package io.millrace.job.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.fuzz.Inputs;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Whatever bytes a record has, in either format, they are an event or refused with an {@link EventFormatException}. An
 * event survives Avro as it is; what JSON cannot say of it is left out the first time, and it is the same after that.
 */
public final class EventFuzzTest {
    private static final List<String> DICTIONARY = List.of("\"id\"", "\"conversation_id\"", "\"messages\"", "\"role\"",
            "\"content\"", "\"tool_calls\"", "\"function\"", "\"arguments\"", "\"parameters\"", "\"tools\"",
            "\"tool_choice\"", "\"response_format\"", "\"max_tokens\"", "\"temperature\"", "\"logit_bias\"", "\"stop\"",
            "\"metadata\"", "\"seed\"", "\"type\"", "\"text\"", "NaN", "-Infinity", "1e999", "9223372036854775807",
            "2147483648", "\"\\ud800\"", "\"\\n\"", "null", "true", "[]", "{}", "\u00C3\1");
    private static final int MAX_BYTES = 1 << 20;
    private static final FuzzTarget TARGET = new FuzzTarget(EventFuzzTest.class, "event", DICTIONARY,
            EventFuzzTest::check);
    private static final Formats<PromptEvent> PROMPTS = new Formats<>(PromptEvent.class);
    private static final Formats<SessionControl> CONTROLS = new Formats<>(SessionControl.class);

    @TestFactory
    Stream<DynamicTest> everyInputIsAnEventOrRefused() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    private static void check(byte[] input) throws EventFormatException {
        PROMPTS.check(input);
        CONTROLS.check(input);
    }

    /** The codecs of a type of events. */
    private static final class Formats<T extends SpecificRecord> {
        private final EventCodec<T> json;
        private final EventCodec<T> avro;

        Formats(Class<T> type) {
            json = EventFormat.JSON.codec(type, MAX_BYTES);
            avro = EventFormat.AVRO.codec(type, MAX_BYTES);
        }

        void check(byte[] input) throws EventFormatException {
            for (EventCodec<T> codec : List.of(json, avro)) {
                T event;
                try {
                    event = codec.decode(input);
                } catch (EventFormatException e) {
                    Inputs.requireOneLine(e, "");
                    continue;
                }
                assertThat(avro.decode(avro.encode(event))).isEqualTo(event);
                T read = json.decode(json.encode(event));
                assertThat(json.decode(json.encode(read))).isEqualTo(read);
            }
        }
    }
}
