package io.millrace.operator.session;

import static io.millrace.operator.session.DirectEngine.concat;
import static io.millrace.operator.session.OperatorRun.cached;
import static io.millrace.operator.session.OperatorRun.finishReason;
import static io.millrace.operator.session.OperatorRun.options;
import static io.millrace.operator.session.OperatorRun.tokens;
import static io.millrace.operator.session.OperatorRun.usage;
import static io.millrace.operator.session.Prompts.cancel;
import static io.millrace.operator.session.Prompts.longTurn;
import static io.millrace.operator.session.Prompts.message;
import static io.millrace.operator.session.Prompts.turn;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operator.MillraceOptions;
import io.millrace.operator.OverflowPolicy;
import io.millrace.operator.state.Tokens;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.FunctionDefinition;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.Tool;
import io.millrace.schemas.state.SessionRecord;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.api.Test;

/** Conversations that become longer than they may be. */
class OverflowTest {
    private static final String SYSTEM = "You are a miller. Answer in one sentence.";

    private static Configuration with(int maxTurns, int maxTokens, OverflowPolicy policy) {
        Configuration options = options();
        options.set(MillraceOptions.MAX_TURNS, maxTurns);
        options.set(MillraceOptions.MAX_TOKENS, maxTokens);
        options.set(MillraceOptions.OVERFLOW, policy);
        return options;
    }

    private static PromptEvent.Builder turnOf(int number) {
        return turn("r" + number, "chat", "Message " + number + ".");
    }

    private static PromptEvent.Builder firstTurn() {
        return turnOf(1).setMessages(List.of(message("system", SYSTEM), message("user", "Message 1.")));
    }

    private static PromptEvent.Builder withTool(PromptEvent.Builder turn) {
        return turn.setTools(List.of(new Tool("function", FunctionDefinition.newBuilder().setName("grind")
                .setDescription("Grinds grain.").setParameters("{}").build())));
    }

    /** A conversation of the kept turns and a new message, as nobody ever held it otherwise. */
    private static int[] fresh(DirectEngine direct, List<CompletionEvent> answers, int firstKept, int next) {
        int[] tokens = concat(direct.start(), direct.system(SYSTEM));
        for (int kept = firstKept; kept < next; kept++) {
            tokens = concat(tokens, direct.user("Message " + kept + "."),
                    direct.closed(tokens(answers.get(kept - 1))));
        }
        return concat(tokens, direct.user("Message " + next + "."));
    }

    // --------------------------------------------------------------------------------------------------- reject

    @Test
    void aTurnTooManyIsRejectedWithTheLimitAndTheConversationStaysAsItWas() throws Exception {
        try (OperatorRun run = OperatorRun.start(with(2, 0, OverflowPolicy.REJECT))) {
            run.ask(turnOf(1));
            run.ask(turnOf(2));
            for (int i = 3; i < 5; i++) {
                CompletionEvent rejected = run.ask(turnOf(i));
                assertThat(finishReason(rejected)).isEqualTo("error");
                assertThat(rejected.getError().getCode()).isEqualTo("session_turns_exceeded");
                assertThat(rejected.getError().getMessage()).contains("this would be turn 3",
                        "millrace.session.max-turns, 2", "drop-oldest-turns");
            }
            assertThat(run.ask(turn("other", "other chat", "Hello.")).getError()).isNull();
        }
    }

    @Test
    void aConversationEndsAtItsTokens() throws Exception {
        try (OperatorRun run = OperatorRun.start(with(0, 60, OverflowPolicy.REJECT));
                DirectEngine direct = new DirectEngine(options())) {
            CompletionEvent clamped = run.ask(longTurn("r1", "chat", "Hello.", 900, direct.stopTokens()));
            assertThat(finishReason(clamped)).isEqualTo("length");
            assertThat(clamped.getUsage().getTotalTokens()).isEqualTo(60);
            CompletionEvent rejected = run.ask(turnOf(2));
            assertThat(rejected.getError().getCode()).isEqualTo("session_tokens_exceeded");
            assertThat(rejected.getError().getMessage()).contains("millrace.session.max-tokens, 60",
                    "context_overflow_action");
        }
    }

    // --------------------------------------------------------------------------------------- drop oldest turns

    @Test
    void theOldestTurnsAreForgottenAndTheAnswerIsThatOfAConversationWithoutThem() throws Exception {
        Configuration options = with(2, 0, OverflowPolicy.DROP_OLDEST_TURNS);
        // Else blocks of the forgotten turns are found again as far as their headers are the same.
        options.set(MillraceOptions.PREFIX_CACHE, false);
        try (OperatorRun run = OperatorRun.start(options); DirectEngine direct = new DirectEngine(options())) {
            List<CompletionEvent> answers = new ArrayList<>(List.of(run.ask(firstTurn())));
            for (int i = 2; i <= 4; i++) {
                CompletionEvent answer = run.ask(turnOf(i));
                int[] conversation = fresh(direct, answers, i - 1, i);
                assertThat(tokens(answer)).isEqualTo(direct.generate(conversation, turnOf(i)));
                assertThat(answer.getUsage().getPromptTokens()).isEqualTo(conversation.length);
                assertThat(answer.getTurn()).as("numbers go on").isEqualTo(i);
                if (i > 2) {
                    assertThat(cached(answer)).as("the beginning stays, what follows the gap is computed again")
                            .isEqualTo(direct.start().length + direct.system(SYSTEM).length);
                }
                answers.add(answer);
            }
        }
    }

    @Test
    void tokensAreFreedForSeveralTurnsAtOnce() throws Exception {
        int limit = 200;
        try (OperatorRun run = OperatorRun.start(with(0, limit, OverflowPolicy.DROP_OLDEST_TURNS));
                DirectEngine direct = new DirectEngine(options())) {
            List<CompletionEvent> answers = new ArrayList<>(List.of(run.ask(firstTurn())));
            int firstKept = 1;
            int gaps = 0;
            for (int i = 2; i <= 14; i++) {
                CompletionEvent answer = run.ask(turnOf(i));
                int[] conversation = fresh(direct, answers, firstKept, i);
                if (conversation.length + 12 > limit) {
                    gaps++;
                    while (conversation.length > limit - limit / 4) {
                        conversation = fresh(direct, answers, ++firstKept, i);
                    }
                }
                assertThat(answer.getUsage().getPromptTokens()).isEqualTo(conversation.length);
                assertThat(tokens(answer)).isEqualTo(direct.generate(conversation, turnOf(i)));
                answers.add(answer);
            }
            assertThat(gaps).isBetween(2, 6);
        }
    }

    @Test
    void aTurnBehindAGapGoesOnAfterARestore() throws Exception {
        Configuration options = with(2, 0, OverflowPolicy.DROP_OLDEST_TURNS);
        OperatorSubtaskState state;
        CompletionEvent undisturbed;
        try (OperatorRun run = OperatorRun.start(options); DirectEngine direct = new DirectEngine(options())) {
            run.ask(firstTurn());
            run.ask(turnOf(2));
            run.checkpoint();
            // More tokens than the inbox reads in a mail, so that after one mail the turn is not over.
            run.send(longTurn("r3", "chat", "Message 3.", 300, direct.stopTokens()).setStream(true));
            run.await(() -> !run.deltas("r3").isEmpty());
            state = run.checkpoint();
            undisturbed = run.awaitCompletions(3).get(2);
        }
        try (OperatorRun run = OperatorRun.restore(options, null, state)) {
            CompletionEvent restored = run.awaitCompletions(1).getFirst();
            assertThat(restored.getChoices()).isEqualTo(undisturbed.getChoices());
            assertThat(usage(restored)).isEqualTo(usage(undisturbed));
        }
    }

    @Test
    void aTurnThatIsOnlyPlannedBehindAGapIsRestoredWithoutWhatWasForgotten() throws Exception {
        Configuration options = with(2, 0, OverflowPolicy.DROP_OLDEST_TURNS);
        OperatorSubtaskState state;
        CompletionEvent undisturbed;
        try (OperatorRun run = OperatorRun.start(options)) {
            run.ask(firstTurn());
            run.ask(turnOf(2));
            run.send(turnOf(3));
            state = run.checkpoint();
            undisturbed = run.awaitCompletions(3).get(2);
        }
        try (OperatorRun run = OperatorRun.restore(options, null, state)) {
            assertThat(run.awaitCompletions(1).getFirst().getChoices()).isEqualTo(undisturbed.getChoices());
        }
    }

    @Test
    void aTurnThatBroughtToolsIsNeverForgotten() throws Exception {
        try (OperatorRun run = OperatorRun.start(with(2, 0, OverflowPolicy.DROP_OLDEST_TURNS))) {
            CompletionEvent first = run.ask(withTool(firstTurn()));
            CompletionEvent second = run.ask(turnOf(2));
            int grown = second.getUsage().getPromptTokens() - first.getUsage().getTotalTokens();
            CompletionEvent third = run.ask(withTool(turnOf(3)));
            assertThat(third.getUsage().getPromptTokens()).as("the second turn went, the tool is known")
                    .isEqualTo(first.getUsage().getTotalTokens() + grown);
            PromptEvent.Builder other = turnOf(4).setTools(List.of(new Tool("function",
                    FunctionDefinition.newBuilder().setName("sieve").setParameters("{}").build())));
            assertThat(run.ask(other).getError()).isNull();
            CompletionEvent full = run.ask(turnOf(5));
            assertThat(full.getError().getCode()).isEqualTo("session_turns_exceeded");
            assertThat(full.getError().getMessage()).contains("nothing more can be dropped");
        }
    }

    @Test
    void aPromptThatFitsNoConversationForgetsNothing() throws Exception {
        try (OperatorRun run = OperatorRun.start(with(0, 100, OverflowPolicy.DROP_OLDEST_TURNS))) {
            CompletionEvent first = run.ask(turnOf(1));
            CompletionEvent rejected = run.ask(turn("r2", "chat", "word ".repeat(100)));
            assertThat(rejected.getError().getCode()).isEqualTo("session_tokens_exceeded");
            assertThat(rejected.getError().getMessage()).contains("nothing more can be dropped");
            assertThat(cached(run.ask(turnOf(3)))).isEqualTo(first.getUsage().getTotalTokens() - 1);
        }
    }

    @Test
    void aPromptMaySayWhatShallHappenToItsConversation() throws Exception {
        try (OperatorRun run = OperatorRun.start(with(1, 0, OverflowPolicy.REJECT));
                OperatorRun dropping = OperatorRun.start(with(1, 0, OverflowPolicy.DROP_OLDEST_TURNS))) {
            run.ask(turnOf(1));
            CompletionEvent second = run.ask(turnOf(2).setContextOverflowAction("drop-oldest-turns"));
            assertThat(second.getError()).isNull();
            assertThat(second.getTurn()).isEqualTo(2);
            dropping.ask(turnOf(1));
            assertThat(dropping.ask(turnOf(2)).getError()).isNull();
            assertThat(dropping.ask(turnOf(3).setContextOverflowAction("error")).getError().getCode())
                    .isEqualTo("session_turns_exceeded");
        }
    }

    @Test
    void conversationsThatOlderBuildsBeganLoseNothing() throws Exception {
        Configuration options = with(1, 0, OverflowPolicy.DROP_OLDEST_TURNS);
        OperatorSubtaskState state;
        try (OperatorRun run = OperatorRun.start(options)) {
            run.ask(turnOf(1));
            state = run.checkpoint();
        }
        try (OperatorRun run = OperatorRun.restore(options, null, state)) {
            SessionRecord record = SessionRecord.newBuilder(run.record("c:chat")).setSystemTokens(0)
                    .setKeptTurns(List.of()).build();
            run.putRecord("c:chat", record);
            CompletionEvent rejected = run.ask(turnOf(2));
            assertThat(rejected.getError().getCode()).isEqualTo("session_turns_exceeded");
            assertThat(rejected.getError().getMessage()).contains("of an older build");
            run.checkpoint();
            assertThat(Tokens.unpack(run.record("c:chat").getTokens()).size())
                    .isEqualTo(Tokens.unpack(record.getTokens()).size());
        }
    }

    @Test
    void theToolsOfATurnThatSaidNothingAreToldAgain() throws Exception {
        try (OperatorRun run = OperatorRun.start(options()); OperatorRun other = OperatorRun.start(options())) {
            run.send(withTool(turnOf(1)));
            run.send(cancel("chat", "r1"));
            assertThat(run.completion("r1").getUsage().getCompletionTokens()).isZero();
            CompletionEvent again = run.ask(withTool(turnOf(2)));
            assertThat(again.getUsage().getPromptTokens())
                    .isEqualTo(other.ask(withTool(turnOf(2))).getUsage().getPromptTokens());
        }
    }
}
