package io.millrace.training.desk;

import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import java.util.List;

/**
 * A turn of a dialogue.
 *
 * @param input the turn's new messages: a system message at most first in the first turn, then the customer's message or a
 *        tool's result
 * @param answer a right answer
 * @param expected what makes an answer right
 */
public record Exchange(List<Message> input, Message answer, Expectation expected) {
    /** @throws IllegalArgumentException when there is no input or another than the assistant answers */
    public Exchange {
        input = List.copyOf(input);
        if (input.isEmpty() || answer.role() != Role.ASSISTANT) {
            throw new IllegalArgumentException("exchange: it takes input and an assistant's answer");
        }
    }
}
