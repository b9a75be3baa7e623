package io.millrace.job.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import io.millrace.schemas.TokenDelta;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Random events of every type survive both formats; random damage to them never gives anything but the codec's exception. */
class EventCodecRoundTripTest {
    private static final int LIMIT = 1 << 20;
    private static final List<Class<? extends SpecificRecord>> TYPES = List.of(PromptEvent.class, CompletionEvent.class,
            TokenDelta.class, SessionControl.class, DeadLetter.class);

    @ParameterizedTest
    @EnumSource
    void everyEventIsReadAsItWasWritten(EventFormat format) throws EventFormatException {
        for (Class<? extends SpecificRecord> type : TYPES) {
            assertRoundTrips(format, type);
        }
    }

    private <T extends SpecificRecord> void assertRoundTrips(EventFormat format, Class<T> type)
            throws EventFormatException {
        EventCodec<T> codec = format.codec(type, LIMIT);
        Random random = new Random(7);
        for (int i = 0; i < 200; i++) {
            T event = random(type, random);
            assertThat(codec.decode(codec.encode(event))).isEqualTo(event);
        }
    }

    @ParameterizedTest
    @EnumSource
    void damagedEventsAreReadOrRefusedAndNothingElse(EventFormat format) {
        for (Class<? extends SpecificRecord> type : TYPES) {
            int refused = refusedOfDamaged(format, type);
            assertThat(refused).as("%s %s", format, type.getSimpleName()).isPositive();
        }
    }

    private <T extends SpecificRecord> int refusedOfDamaged(EventFormat format, Class<T> type) {
        EventCodec<T> codec = format.codec(type, LIMIT);
        Random random = new Random(11);
        int refused = 0;
        for (int i = 0; i < 3000; i++) {
            byte[] bytes = codec.encode(random(type, random));
            // The first ten bytes of Avro are a fingerprint: damage there is always found, so most of it goes behind.
            int from = format == EventFormat.AVRO && bytes.length > 10 && random.nextInt(10) > 0 ? 10 : 0;
            for (int hits = 1 + random.nextInt(4); hits > 0; hits--) {
                bytes[from + random.nextInt(bytes.length - from)] = (byte) random.nextInt(256);
            }
            try {
                assertThat(codec.decode(bytes)).isNotNull();
            } catch (EventFormatException e) {
                assertThat(e).message().isNotBlank().doesNotContain("\n");
                refused++;
            }
        }
        return refused;
    }

    private static <T extends SpecificRecord> T random(Class<T> type, Random random) {
        return Objects.requireNonNull(
                type.cast(random(SpecificData.get().getSchema(type), JsonForm.PLAIN, random)));
    }

    /** A random value of a schema; fields that hold JSON get JSON text in the form that reading it gives. */
    private static @Nullable Object random(Schema schema, JsonForm form, Random random) {
        return switch (schema.getType()) {
            case UNION -> random.nextBoolean() ? null : random(schema.getTypes().get(1), form, random);
            case RECORD -> {
                SpecificRecord record = (SpecificRecord) SpecificData.get().newRecord(null, schema);
                schema.getFields().forEach(f -> record.put(f.pos(), random(f.schema(), JsonForm.of(f), random)));
                yield record;
            }
            case ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>();
                for (int i = random.nextInt(3); i > 0; i--) {
                    list.add(random(schema.getElementType(), JsonForm.PLAIN, random));
                }
                yield list;
            }
            case MAP -> {
                Map<String, @Nullable Object> map = new HashMap<>();
                for (int i = random.nextInt(3); i > 0; i--) {
                    map.put(text(random), random(schema.getValueType(), JsonForm.PLAIN, random));
                }
                yield map;
            }
            case STRING -> form == JsonForm.VALUE ? "{\"a\":[1,2.5,null,\"x\"]}" : text(random);
            case BYTES -> {
                byte[] bytes = new byte[random.nextInt(20)];
                random.nextBytes(bytes);
                yield ByteBuffer.wrap(bytes);
            }
            case INT -> random.nextInt();
            case LONG -> random.nextLong();
            case DOUBLE -> random.nextGaussian() * Math.pow(10, random.nextInt(40) - 20);
            case BOOLEAN -> random.nextBoolean();
            case FLOAT, FIXED, ENUM, NULL -> throw new IllegalArgumentException(schema.toString());
        };
    }

    private static String text(Random random) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(12); i > 0; i--) {
            int codePoint = random.nextBoolean() ? ' ' + random.nextInt(95) : random.nextInt(0x110000);
            text.appendCodePoint(codePoint >= 0xD800 && codePoint < 0xE000 ? '\n' : codePoint);
        }
        return text.toString();
    }
}
