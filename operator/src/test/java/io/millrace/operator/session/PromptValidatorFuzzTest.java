package io.millrace.operator.session;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.fuzz.Inputs;
import io.millrace.operator.MillraceOptions;
import io.millrace.operator.OperatorSettings;
import io.millrace.operator.RecordBytes;
import io.millrace.operator.SessionInputs;
import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.tokenizer.SmallTokenizer;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whatever a prompt event holds, it is a prompt with all its promises or rejected with one line and a code. */
public final class PromptValidatorFuzzTest {
    private static final List<String> DICTIONARY = List.of("\4user", "\6system", "\11assistant", "\4tool",
            "\10function",
            "\14brave_search", "\4none", "\4auto", "\4text", "\5error", "\2{}", "\00212");
    private static final FuzzTarget TARGET = new FuzzTarget(PromptValidatorFuzzTest.class, "prompt-event", DICTIONARY,
            PromptValidatorFuzzTest::check);
    private static final int VOCABULARY = 1000;
    private static final PromptValidator VALIDATOR = new PromptValidator(
            OperatorSettings.of(new Configuration().set(MillraceOptions.MODEL, "m.gguf")), VOCABULARY);
    private static final ChatFormat FORMAT = new ChatFormat(SmallTokenizer.create());

    @TestFactory
    Stream<DynamicTest> everyEventIsAPromptOrRejected() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    private static void check(byte[] input) {
        checkKey(SessionInputs.key(SessionInputs.of(RecordBytes.record(SessionControl.class, input), null)));
        PromptEvent event = RecordBytes.record(PromptEvent.class, input);
        checkKey(SessionInputs.key(SessionInputs.of(event, null)));
        try {
            Prompt prompt = VALIDATOR.validate(event);
            assertThat(prompt.id()).isNotBlank();
            assertThat(prompt.messages()).isNotEmpty();
            assertThat(prompt.maxNewTokens()).isPositive();
            assertThat(prompt.topLogprobs()).isBetween(-1, 20);
            assertThat(prompt.stop()).doesNotContain("");
            checkFormat(prompt);
        } catch (RejectedPromptException e) {
            Inputs.requireOneLine(e, "");
            assertThat(e.code()).isIn("invalid_request", "unsupported_parameter", "event_too_large");
        }
    }

    /** A key that changed on its way through UTF-8 would belong to another key group. */
    private static void checkKey(String key) {
        assertThat(new String(key.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8)).isEqualTo(key);
    }

    private static void checkFormat(Prompt prompt) {
        try {
            assertThat(FORMAT.encode(prompt.messages(), prompt.tools(), prompt.builtInTools())).isNotEmpty();
        } catch (IllegalArgumentException e) {
            Inputs.requireOneLine(e, "tool");
        }
    }
}
