package io.millrace.operator.session;

import static io.millrace.operator.session.OperatorRun.finishReason;
import static io.millrace.operator.session.OperatorRun.options;
import static io.millrace.operator.session.Prompts.cancel;
import static io.millrace.operator.session.Prompts.end;
import static io.millrace.operator.session.Prompts.longTurn;
import static io.millrace.operator.session.Prompts.turn;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operator.MillraceOptions;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.api.Test;

/** Prompts that wait for their turn: how long, how many, and in which order they go. */
class WaitingPromptsTest {

    private static PromptEvent.Builder story(String id, String conversation) {
        try (DirectEngine direct = new DirectEngine(options())) {
            return longTurn(id, conversation, "Tell me a long story.", 300, direct.stopTokens());
        }
    }

    private static List<String> answered(OperatorRun run) {
        return run.completions().stream().map(CompletionEvent::getRequestId).toList();
    }

    private static void assertExpired(CompletionEvent completion) {
        assertThat(finishReason(completion)).isEqualTo("cancelled");
        assertThat(completion.getError().getCode()).isEqualTo("deadline_exceeded");
    }

    // ------------------------------------------------------------------------------------------------ deadlines

    @Test
    void aPromptBehindALongTurnOfItsConversationIsAnsweredAtItsDeadline() throws Exception {
        try (OperatorRun run = OperatorRun.start(options())) {
            run.send(story("r1", "chat"));
            run.send(turn("r2", "chat", "Second.").setDeadlineMs(500L).setStream(true));
            run.send(turn("r3", "chat", "Third."));
            run.setTime(1_499);
            assertThat(run.completions()).isEmpty();
            run.setTime(1_500);
            assertThat(answered(run)).containsExactly("r2");
            assertExpired(run.completion("r2"));
            assertThat(run.completion("r2").getUsage()).as("it never ran").isNull();
            assertThat(run.deltas("r2")).hasSize(1);
            run.endInput();
            assertThat(answered(run)).containsExactly("r2", "r1", "r3");
            assertThat(run.completion("r3").getTurn()).isEqualTo(2);
        }
    }

    @Test
    void aPromptBehindOtherConversationsIsAnsweredAtItsDeadline() throws Exception {
        Configuration options = options();
        options.set(MillraceOptions.MAX_NUM_SEQS, 1);
        try (OperatorRun run = OperatorRun.start(options)) {
            run.send(story("a", "a"));
            run.send(turn("b", "b", "Hello.").setDeadlineMs(1L));
            run.endInput();
            assertExpired(run.completion("b"));
            assertThat(run.completion("a").getError()).isNull();
        }
    }

    @Test
    void deadlinesOfTheSameTimeDoNotDependOnEachOther() throws Exception {
        Configuration options = options();
        options.set(MillraceOptions.SESSION_TTL, Duration.ofSeconds(1));
        try (OperatorRun run = OperatorRun.start(options)) {
            run.send(story("r1", "chat"));
            run.send(turn("r2", "chat", "Second.").setDeadlineMs(500L));
            run.send(turn("r3", "chat", "Third.").setDeadlineMs(500L));
            // At the time at which the session may expire.
            run.send(turn("r4", "chat", "Fourth.").setDeadlineMs(1_000L));
            run.send(cancel("chat", "r2"));
            run.send(cancel("chat", "r4"));
            run.setTime(1_500);
            assertThat(answered(run)).containsExactly("r2", "r4", "r3");
            run.endInput();
            run.checkpoint();
            run.setTime(2_499);
            assertThat(run.stateEntries()).isPositive();
            run.setTime(2_500);
            assertThat(run.stateEntries()).isZero();
            assertThat(run.timers()).isZero();
        }
    }

    @Test
    void aPromptThatIsAnsweredLeavesNoTimerBehind() throws Exception {
        try (OperatorRun run = OperatorRun.start(options())) {
            run.ask(turn("r1", "chat", "Hello.").setDeadlineMs(100_000L));
            run.send(story("r2", "chat"));
            run.send(turn("r3", "chat", "Hello.").setDeadlineMs(200_000L));
            run.send(cancel("chat", "r3"));
            run.send(turn("r4", "chat", "Hello.").setDeadlineMs(Long.MAX_VALUE));
            run.endInput();
            assertThat(run.timers()).as("that of the session's expiry").isEqualTo(1);
        }
    }

    @Test
    void anEndedSessionLeavesNothingOfItsWaitingPromptsBehind() throws Exception {
        try (OperatorRun run = OperatorRun.start(options())) {
            run.ask(turn("r1", "chat", "Hello."));
            run.checkpoint();
            run.send(story("r2", "chat"));
            run.send(turn("r3", "chat", "Third.").setDeadlineMs(500L));
            run.send(turn("r4", "chat", "Fourth.").setDeadlineMs(500L));
            run.checkpoint();
            run.send(end("chat"));
            assertThat(run.stateEntries()).isZero();
            assertThat(run.timers()).isZero();
            run.setTime(5_000);
            assertThat(answered(run)).containsExactly("r1", "r2", "r3", "r4");
            assertThat(run.stateEntries()).isZero();
        }
    }

    @Test
    void deadlinesAreKeptAfterARestoreAndThoseThatPassedMeanwhileAreToldAtOnce() throws Exception {
        OperatorSubtaskState state;
        try (OperatorRun run = OperatorRun.start(options())) {
            run.send(story("r1", "chat"));
            run.send(turn("r2", "chat", "Second.").setDeadlineMs(3_000L));
            run.send(turn("r3", "chat", "Third.").setDeadlineMs(500L));
            state = run.checkpoint();
        }
        try (OperatorRun run = OperatorRun.restore(options(), null, state)) {
            assertThat(answered(run)).containsExactly("r3");
            run.setTime(4_000);
            assertThat(answered(run)).containsExactly("r3", "r2");
            assertExpired(run.completion("r2"));
            run.endInput();
            assertThat(answered(run)).containsExactly("r3", "r2", "r1");
        }
    }

    @Test
    void aDeadlineAfterTheSavepointOfAStopIsToldByTheRestoredJobOnly() throws Exception {
        OperatorSubtaskState state;
        try (OperatorRun run = OperatorRun.start(options())) {
            run.send(story("r1", "chat"));
            run.send(turn("r2", "chat", "Second.").setDeadlineMs(500L));
            state = run.suspend();
            run.setTime(1_500);
            assertThat(run.completions()).isEmpty();
            run.abortCheckpoint();
            assertThat(answered(run)).as("the job goes on after all").containsExactly("r2");
        }
        try (OperatorRun run = OperatorRun.restore(options(), null, state)) {
            assertThat(answered(run)).containsExactly("r2");
        }
    }

    // ------------------------------------------------------------------------------------------------- priority

    @Test
    void afterARestoreLowerPriorityValuesGoFirstAndEqualOnesInOrderOfArrival() throws Exception {
        Configuration options = options();
        options.set(MillraceOptions.MAX_NUM_SEQS, 1);
        OperatorSubtaskState state;
        try (OperatorRun run = OperatorRun.start(options)) {
            run.send(story("first", "z"));
            int time = 1_000;
            for (String conversation : List.of("late 5", "early -1", "middle 0", "next 0", "last 5")) {
                run.setTime(++time);
                run.send(turn(conversation, conversation, "Hello.")
                        .setPriority(Integer.parseInt(conversation.substring(conversation.indexOf(' ') + 1))));
            }
            state = run.checkpoint();
        }
        try (OperatorRun run = OperatorRun.restore(options, null, state)) {
            run.endInput();
            assertThat(answered(run)).containsExactly("early -1", "first", "middle 0", "next 0", "late 5", "last 5");
        }
    }

    // ------------------------------------------------------------------------------------------------- fairness

    @Test
    void aConversationThatFloodsTheTopicDoesNotHoldUpTheOthers() throws Exception {
        Configuration options = options();
        options.set(MillraceOptions.MAX_NUM_SEQS, 1);
        try (OperatorRun run = OperatorRun.start(options)) {
            for (int i = 0; i < 500; i++) {
                run.send(turn("flood-" + i, "flood", "Again."));
            }
            List<String> expected = new ArrayList<>(List.of("flood-0"));
            for (int i = 0; i < 10; i++) {
                run.send(turn("other-" + i, "other " + i, "Hello."));
                expected.add("other-" + i);
            }
            List<CompletionEvent> refused = run.completions();
            assertThat(refused).as("one runs, 32 wait, nobody waits in front of them").hasSize(500 - 33).allMatch(
                    each -> finishReason(each).equals("error") && each.getError().getCode().equals("queue_full"));
            assertThat(refused.getFirst().getError().getMessage()).contains("32 prompts",
                    "millrace.session.max-queued-prompts");
            run.endInput();
            for (int i = 1; i < 33; i++) {
                expected.add("flood-" + i);
            }
            assertThat(answered(run).subList(refused.size(), run.completions().size())).isEqualTo(expected);
        }
    }

    @Test
    void aPromptThatWasRefusedIsNotAnsweredTwice() throws Exception {
        Configuration options = options();
        options.set(MillraceOptions.MAX_QUEUED_PROMPTS, 0);
        try (OperatorRun run = OperatorRun.start(options)) {
            run.send(story("r1", "chat"));
            run.send(turn("r2", "chat", "Second."));
            run.send(turn("r2", "chat", "Second."));
            assertThat(answered(run)).containsExactly("r2");
            run.endInput();
            run.send(turn("r2", "chat", "Second."));
            assertThat(run.ask(turn("r3", "chat", "Second.")).getError()).isNull();
            assertThat(answered(run)).containsExactly("r2", "r1", "r3");
        }
    }
}
