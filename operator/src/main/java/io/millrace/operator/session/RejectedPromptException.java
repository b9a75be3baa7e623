package io.millrace.operator.session;

import io.millrace.runtime.text.OneLine;

/**
 * A prompt that is answered with an error. Its message is one line for people and names the field; the code is stable and
 * goes into the completion's error, and for an invalid event into the dead letter.
 */
final class RejectedPromptException extends RuntimeException {
    private final String code;

    RejectedPromptException(String code, String message) {
        // Not a failure of this program: no stack trace, however many bad events come.
        super(OneLine.of(message), null, false, false);
        this.code = code;
    }

    String code() {
        return code;
    }

    String reason() {
        return String.valueOf(getMessage());
    }
}
