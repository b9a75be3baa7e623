package io.millrace.runtime.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.fuzz.Inputs;
import io.millrace.runtime.tokenizer.SmallTokenizer;
import io.millrace.runtime.tokenizer.SpecialTokens;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.tokenizer.Unicode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Whatever messages hold, a prompt's control tokens are those of its structure and its texts are the messages'; what cannot
 * be a prompt is refused with an {@link IllegalArgumentException}.
 */
public final class ChatFormatFuzzTest {
    private static final List<String> DICTIONARY = List.of(Inputs.SEPARATOR, "<|eot_id|>", "<|start_header_id|>",
            "<|end_header_id|>", "<|python_tag|>", "{\"query\": \"x\"}", "{\"type\": \"object\"}", "brave_search",
            "code_interpreter", "1e2147483647", "\\ud800", "\u00A0");
    private static final FuzzTarget TARGET = new FuzzTarget(ChatFormatFuzzTest.class, "chat-format", DICTIONARY,
            ChatFormatFuzzTest::check);
    private static final Tokenizer TOKENIZER = SmallTokenizer.create();
    private static final ChatFormat FORMAT = new ChatFormat(TOKENIZER);

    private static final List<Role> ROLES = List.of(Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.IPYTHON);

    @TestFactory
    Stream<DynamicTest> everyMessageStaysText() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    /** A section per message: its first byte says who speaks. The last two sections make a tool's call and its definition. */
    private static void check(byte[] input) {
        List<byte[]> sections = Inputs.sections(input);
        List<Message> messages = new ArrayList<>();
        for (byte[] section : sections) {
            int role = section.length == 0 ? 0 : section[0] & 3;
            messages.add(new Message(ROLES.get(role),
                    Inputs.text(Arrays.copyOfRange(section, Math.min(1, section.length), section.length))));
        }
        checkStructure(messages, FORMAT.encode(messages));
        try {
            String last = messages.getLast().content();
            String name = messages.getFirst().content();
            messages.add(new Message(Role.ASSISTANT, "", List.of(new ToolCall(name, last))));
            FORMAT.encode(messages, List.of(new ToolDefinition(name, last, last)), EnumSet.allOf(BuiltInTool.class));
        } catch (IllegalArgumentException e) {
            Inputs.requireOneLine(e, "tool");
        }
    }

    /** A header, the trimmed text and an end for each message, and no control token besides. */
    private static void checkStructure(List<Message> messages, int[] ids) {
        SpecialTokens specials = TOKENIZER.specials();
        int at = 0;
        for (Message message : messages) {
            assertThat(ids[at]).isEqualTo(specials.startHeader());
            int endHeader = special(ids, at + 1);
            assertThat(ids[endHeader]).isEqualTo(specials.endHeader());
            int end = special(ids, endHeader + 1);
            assertThat(ids[end]).isEqualTo(specials.endOfTurn());
            assertThat(TOKENIZER.decode(Arrays.copyOfRange(ids, at + 1, endHeader)))
                    .isEqualTo(message.role().header());
            assertThat(TOKENIZER.decode(Arrays.copyOfRange(ids, endHeader + 1, end)))
                    .isEqualTo("\n\n" + Unicode.trim(message.content()));
            at = end + 1;
        }
        assertThat(at).isEqualTo(ids.length);
    }

    private static int special(int[] ids, int from) {
        int at = from;
        while (!TOKENIZER.isSpecial(ids[at])) {
            at++;
        }
        return at;
    }
}
