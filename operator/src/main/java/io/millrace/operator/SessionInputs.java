package io.millrace.operator;

import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import io.millrace.schemas.state.Origin;
import io.millrace.schemas.state.SessionInput;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.formats.avro.typeutils.AvroTypeInfo;
import org.jspecify.annotations.Nullable;

/** Makes the operator's inputs and says which session each belongs to. */
public final class SessionInputs {
    /** Type of {@link SessionInput}; its serializer lets old checkpoints and new schemas meet. */
    public static final TypeInformation<SessionInput> TYPE = new AvroTypeInfo<>(SessionInput.class);

    private static final String CONVERSATION = "c:";
    private static final String REQUEST = "r:";

    private SessionInputs() {}

    /** A prompt; {@code origin} is null when it is not from Kafka. */
    public static SessionInput of(PromptEvent prompt, @Nullable Origin origin) {
        return new SessionInput(prompt, null, origin);
    }

    /** A control; {@code origin} is null when it is not from Kafka. */
    public static SessionInput of(SessionControl control, @Nullable Origin origin) {
        return new SessionInput(null, control, origin);
    }

    /**
     * The session that an input belongs to: its conversation, or for a stateless request the request itself. The two kinds
     * never share a key. An input that names neither has a key as well, so that it reaches validation.
     */
    public static String key(SessionInput input) {
        PromptEvent prompt = input.getPrompt();
        if (prompt != null) {
            return key(prompt.getConversationId(), prompt.getId());
        }
        SessionControl control = input.getControl();
        return control == null ? key(null, null) : key(control.getConversationId(), control.getRequestId());
    }

    private static String key(@Nullable String conversation, @Nullable String request) {
        return conversation != null
                ? CONVERSATION + encodable(conversation)
                : REQUEST + (request == null ? "" : encodable(request));
    }

    /** Whether a {@link #key} is that of a stateless request. */
    public static boolean isStateless(String key) {
        return key.startsWith(REQUEST);
    }

    /**
     * The text as it is after a trip through UTF-8, which replaces unpaired surrogates: a key that changed on the way between
     * two tasks would belong to another key group and fail the job.
     */
    private static String encodable(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    }
}
