package io.millrace.job.kafka;

import io.millrace.job.format.EventCodec;
import io.millrace.job.format.EventFormat;
import io.millrace.job.format.EventFormatException;
import io.millrace.operator.SessionInputs;
import io.millrace.schemas.CompletionChoice;
import io.millrace.schemas.CompletionError;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import io.millrace.schemas.state.Origin;
import io.millrace.schemas.state.SessionInput;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.formats.avro.typeutils.AvroTypeInfo;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;
import org.jspecify.annotations.Nullable;

/**
 * Decodes records to the operator's inputs. A record that cannot be decoded becomes a dead letter, and when its request id
 * could be read an error completion as well, so that nobody waits for an answer.
 */
final class EventDecoder extends ProcessFunction<Origin, SessionInput> {
    private static final long serialVersionUID = 1L;
    static final String UNDECODABLE = "undecodable";
    static final OutputTag<DeadLetter> DEAD_LETTERS = new OutputTag<>("undecodable records",
            new AvroTypeInfo<>(DeadLetter.class));
    static final OutputTag<CompletionEvent> REFUSALS = new OutputTag<>("answers to undecodable records",
            new AvroTypeInfo<>(CompletionEvent.class));

    private final EventFormat format;
    private final String controlTopic;
    private final int maxEventBytes;
    @SuppressWarnings("NullAway.Init") // set by open(), which Flink calls first
    private transient EventCodec<PromptEvent> prompts;
    @SuppressWarnings("NullAway.Init") // set by open(), which Flink calls first
    private transient EventCodec<SessionControl> controls;

    EventDecoder(KafkaSettings settings) {
        this.format = settings.format();
        this.controlTopic = settings.controls();
        this.maxEventBytes = settings.maxEventBytes();
    }

    @Override
    public void open(OpenContext context) {
        prompts = format.codec(PromptEvent.class, maxEventBytes);
        controls = format.codec(SessionControl.class, maxEventBytes);
    }

    @Override
    public void processElement(Origin record, Context context, Collector<SessionInput> out) {
        try {
            byte[] value = bytes(record.getValue());
            out.collect(record.getTopic().equals(controlTopic)
                    ? SessionInputs.of(controls.decode(value), record)
                    : SessionInputs.of(prompts.decode(value), record));
        } catch (EventFormatException e) {
            context.output(DEAD_LETTERS, deadLetter(record, String.valueOf(e.getMessage())));
            String id = e.id();
            if (id != null && !id.isEmpty() && !record.getTopic().equals(controlTopic)) {
                context.output(REFUSALS, refusal(id, e));
            }
        }
    }

    private static byte[] bytes(@Nullable ByteBuffer buffer) {
        if (buffer == null) {
            return new byte[0]; // a record without a value is as undecodable as an empty one
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    private static DeadLetter deadLetter(Origin record, String message) {
        return new DeadLetter(UNDECODABLE, message, record.getTopic(), record.getPartition(), record.getOffset(),
                record.getTimestamp(), record.getKey(), record.getValue());
    }

    private static CompletionEvent refusal(String requestId, EventFormatException e) {
        return CompletionEvent.newBuilder().setId("cmpl-" + requestId).setRequestId(requestId)
                .setConversationId(e.conversationId()).setCreated(Instant.now().getEpochSecond())
                .setChoices(List.of(new CompletionChoice(0, null, "error", null)))
                .setError(new CompletionError("invalid_request_error", UNDECODABLE, e.getMessage())).build();
    }
}
