package io.millrace.job.format;

import io.millrace.runtime.text.OneLine;
import org.jspecify.annotations.Nullable;

/** Bytes are no event. The message is one line and names the field, what was expected and what was found. */
public final class EventFormatException extends Exception {
    private static final long serialVersionUID = 1L;

    private final @Nullable String id;
    private final @Nullable String conversationId;

    EventFormatException(String message) {
        this(message, null, null);
    }

    private EventFormatException(String message, @Nullable String id, @Nullable String conversationId) {
        super(OneLine.of(message));
        this.id = id;
        this.conversationId = conversationId;
    }

    /** What is wrong, and what a parser says of it. */
    static EventFormatException of(String what, @Nullable String detail) {
        return new EventFormatException(detail == null || detail.isBlank() ? what : what + ": " + detail.strip());
    }

    /** The same, with the ids that could be read although the event could not. */
    EventFormatException withIds(@Nullable String id, @Nullable String conversationId) {
        EventFormatException copy = new EventFormatException(String.valueOf(getMessage()), id, conversationId);
        copy.setStackTrace(getStackTrace());
        return copy;
    }

    /** The event's {@code id}, when that much could be read, so that its sender can be answered. */
    public @Nullable String id() {
        return id;
    }

    /** The event's {@code conversation_id}, when that much could be read. */
    public @Nullable String conversationId() {
        return conversationId;
    }
}
