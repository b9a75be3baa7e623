package io.millrace.job.cli;

import io.millrace.job.format.EventFormat;
import io.millrace.job.format.EventFormatException;
import io.millrace.operator.session.EventMessages;
import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.schemas.PromptEvent;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.stream.IntStream;

/**
 * A conversation in a file: a JSON array of messages, or an object with {@code messages} and {@code tools}, in the
 * vocabulary of prompt events. {@code -} is standard input.
 */
record MessagesFile(Path path, PromptEvent event) {
    private static final int MAX_BYTES = 64 << 20;

    static MessagesFile read(Path path, InputStream standardInput) throws IOException {
        byte[] bytes;
        try {
            bytes = path.toString().equals("-") ? standardInput.readAllBytes() : Files.readAllBytes(path);
        } catch (NoSuchFileException e) {
            throw new InvalidInput(path + ": no such file (--messages)", e);
        }
        String text = new String(bytes, StandardCharsets.UTF_8).strip();
        if (text.startsWith("[")) {
            bytes = ("{\"messages\":" + text + "}").getBytes(StandardCharsets.UTF_8);
        }
        try {
            return new MessagesFile(path, EventFormat.JSON.codec(PromptEvent.class, MAX_BYTES).decode(bytes));
        } catch (EventFormatException e) {
            throw new InvalidInput(path + ": " + e.getMessage(), e);
        }
    }

    /** The conversation's token ids, up to the header of the answer. */
    int[] encode(Tokenizer tokenizer) {
        ChatFormat format = new ChatFormat(tokenizer);
        try {
            int[] messages = format.encode(EventMessages.messages(event.getMessages()),
                    EventMessages.definitions(event.getTools()), EventMessages.builtIn(event.getTools()));
            IntStream start = IntStream.of(format.encodeConversationStart());
            return IntStream
                    .concat(start, IntStream.concat(IntStream.of(messages), IntStream.of(format.openAssistant())))
                    .toArray();
        } catch (IllegalArgumentException e) {
            throw new InvalidInput(path + ": " + e.getMessage(), e);
        }
    }
}
