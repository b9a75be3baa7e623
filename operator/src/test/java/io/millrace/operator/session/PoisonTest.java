package io.millrace.operator.session;

import static io.millrace.operator.session.OperatorRun.finishReason;
import static io.millrace.operator.session.OperatorRun.options;
import static io.millrace.operator.session.OperatorRun.tokens;
import static io.millrace.operator.session.Prompts.turn;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operator.MillraceOptions;
import io.millrace.operator.SampleModels;
import io.millrace.operator.SessionInputs;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.state.Origin;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.Test;

/** Requests that the engine cannot compute. */
class PoisonTest {
    private static final PromptEvent.Builder POISON = turn("poison", "bad",
            "What does " + SampleModels.POISON + " mean?");
    private static final Origin ORIGIN = new Origin("prompts", 3, 42L, 7L, ByteBuffer.wrap(new byte[]{1}),
            ByteBuffer.wrap(new byte[]{2, 3}));

    private static Configuration poisonable() {
        return options().set(MillraceOptions.MODEL, SampleModels.poisonable().toString());
    }

    private static Map<String, int[]> answers(OperatorRun run) {
        Map<String, int[]> answers = new HashMap<>();
        run.completions().stream().filter(each -> each.getError() == null)
                .forEach(each -> answers.put(each.getRequestId(), tokens(each)));
        return answers;
    }

    @Test
    void aRequestThatFailsInTheEngineIsAnsweredWithAnErrorAndIsADeadLetterAndTheOthersGoOn() throws Exception {
        Configuration options = poisonable();
        Map<String, int[]> undisturbed;
        try (OperatorRun run = OperatorRun.start(options)) {
            send(run, List.of(turn("r1", "one", "First."), turn("r2", "two", "Second.")));
            run.awaitCompletions(2);
            undisturbed = answers(run);
        }
        try (OperatorRun run = OperatorRun.start(options)) {
            run.send(turn("r1", "one", "First."));
            run.send(SessionInputs.of(POISON.build(), ORIGIN));
            run.send(turn("r2", "two", "Second."));
            run.awaitCompletions(3);
            assertThat(answers(run)).usingRecursiveComparison().isEqualTo(undisturbed);
            CompletionEvent failed = run.completion("poison");
            assertThat(finishReason(failed)).isEqualTo("error");
            assertThat(failed.getError().getCode()).isEqualTo("generation_failed");
            DeadLetter letter = run.deadLetters().getFirst();
            assertThat(run.deadLetters()).hasSize(1);
            assertThat(letter.getReasonCode()).isEqualTo("generation_failed");
            assertThat(letter.getMessage()).isEqualTo(failed.getError().getMessage());
            assertThat(letter.getSourceTopic()).isEqualTo("prompts");
            assertThat(letter.getSourcePartition()).isEqualTo(3);
            assertThat(letter.getSourceOffset()).isEqualTo(42);
            assertThat(letter.getKey()).isEqualTo(ORIGIN.getKey());
            assertThat(letter.getValue()).isEqualTo(ORIGIN.getValue());
        }
    }

    @Test
    void theConversationGoesOnAsIfTheRequestHadNotBeen() throws Exception {
        try (OperatorRun run = OperatorRun.start(poisonable())) {
            PromptEvent.Builder next = turn("next", "bad", "Good day.");
            run.ask(POISON);
            CompletionEvent answer = run.ask(next);
            assertThat(answer.getTurn()).isEqualTo(1);
            assertThat(tokens(answer)).isEqualTo(tokens(run.ask(next.setId("other").setConversationId("other")
                    .setSeed(PromptValidator.seedOf("next")))));
        }
    }

    private static void send(OperatorRun run, List<PromptEvent.Builder> prompts) throws Exception {
        for (PromptEvent.Builder prompt : prompts) {
            run.send(prompt);
        }
    }
}
