package io.millrace.runtime.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.runtime.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Conversations recorded from the model's chat template and another implementation's tokenizer. */
class ChatFormatGoldenTest {
    private static final Path GOLDEN = Path.of(System.getProperty("millrace.shared", "../shared"), "golden");
    private static final ObjectMapper JSON = new ObjectMapper();

    @BeforeEach
    void needsRecordings() {
        assumeTrue(Files.isDirectory(GOLDEN), "no recorded outputs at " + GOLDEN);
    }

    @Test
    void everyRecordedConversationHasItsRecordedIds() throws IOException {
        Tokenizer tokenizer = Tokenizer.load(GOLDEN.resolve("realvocab-q8_0.gguf"));
        var format = new ChatFormat(tokenizer);
        List<String> lines = Files.readAllLines(GOLDEN.resolve("chat.jsonl"));
        assertThat(lines).hasSize(20);
        for (String line : lines) {
            JsonNode recorded = JSON.readTree(line);
            List<Message> messages = new ArrayList<>();
            for (JsonNode message : recorded.get("messages")) {
                messages.add(new Message(Role.parse(message.get("role").textValue()),
                        message.get("content").textValue()));
            }
            boolean open = recorded.get("add_generation_prompt").booleanValue();
            int[] ids = Ids.join(format.encodeConversationStart(), format.encode(messages),
                    open ? format.openAssistant() : new int[0]);
            assertThat(ids).as(line).isEqualTo(JSON.convertValue(recorded.get("ids"), int[].class));
        }
    }
}
