package io.millrace.job.training;

import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.prompt.Message;
import io.millrace.training.desk.Dialogue;
import io.millrace.training.desk.Exchange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * An exchange that a model shall answer, with the right answers to those before it as its history.
 *
 * @param exchange its index in the dialogue
 */
record CandidatePrompt(Dialogue dialogue, int exchange) {

    Exchange asked() {
        return dialogue.exchanges().get(exchange);
    }

    /** The whole conversation before the answer. */
    List<Message> messages() {
        List<Message> messages = new ArrayList<>();
        for (Exchange before : dialogue.exchanges().subList(0, exchange)) {
            messages.addAll(before.input());
            messages.add(before.answer());
        }
        messages.addAll(asked().input());
        return messages;
    }

    /** The prompt's ids as the job makes them of its messages. */
    int[] context(ChatFormat format) {
        return Stream.of(format.encodeConversationStart(),
                format.encode(messages(), dialogue.tools(), dialogue.builtIn()), format.openAssistant())
                .flatMapToInt(IntStream::of).toArray();
    }

    /** Ids of the right answer, with the token that ends it. */
    int[] reference(ChatFormat format) {
        int[] message = format.encode(List.of(asked().answer()));
        return Arrays.copyOfRange(message, format.openAssistant().length, message.length);
    }
}
