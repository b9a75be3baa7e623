package io.millrace.job.eval;

import io.millrace.runtime.prompt.Answer;
import io.millrace.runtime.prompt.Message;
import io.millrace.training.desk.Dialogue;
import io.millrace.training.desk.Exchange;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What came of an exchange of a dialogue that was played.
 *
 * @param exchange its index in the dialogue
 * @param messages the conversation before the answer, with the model's own earlier answers
 * @param answer what the model said, an empty text when it said nothing
 * @param failure why it said nothing: the job's error, or that the conversation had ended before; null when it answered
 */
public record Reply(Dialogue dialogue, int exchange, List<Message> messages, Answer answer, @Nullable String failure) {
    public Reply {
        messages = List.copyOf(messages);
    }

    /** The exchange that was played. */
    public Exchange played() {
        return dialogue.exchanges().get(exchange);
    }
}
