package io.millrace.operator.session;

import static io.millrace.operator.session.ConversationTest.said;
import static io.millrace.operator.session.OperatorRun.cached;
import static io.millrace.operator.session.OperatorRun.options;
import static io.millrace.operator.session.OperatorRun.text;
import static io.millrace.operator.session.OperatorRun.tokens;
import static io.millrace.operator.session.OperatorRun.usage;
import static io.millrace.operator.session.Prompts.cancel;
import static io.millrace.operator.session.Prompts.longTurn;
import static io.millrace.operator.session.Prompts.turn;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operator.MillraceOptions;
import io.millrace.operator.state.Tokens;
import io.millrace.runtime.kv.KvType;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.state.SessionRecord;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackend;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Checkpoints, savepoints and restores. */
class RecoveryTest {
    /** More tokens than the inbox reads in a mail, so that after one mail the turn is not over. */
    private static final int MANY = 300;

    enum Backend {
        HEAP, ROCKSDB;

        StateBackend create() {
            return this == HEAP ? new HashMapStateBackend() : new EmbeddedRocksDBStateBackend();
        }
    }

    private static PromptEvent.Builder story(String id, @Nullable String conversation) {
        try (DirectEngine direct = new DirectEngine(options())) {
            return longTurn(id, conversation, "Tell me a long story.", MANY, direct.stopTokens()).setStream(true);
        }
    }

    /** Runs until the turn has begun to speak, and not further than a mail. */
    private static void beginToSpeak(OperatorRun run, String requestId) throws Exception {
        run.await(() -> !run.deltas(requestId).isEmpty());
        assertThat(run.completions()).noneMatch(each -> each.getRequestId().equals(requestId));
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void anIdleConversationGoesOnAfterARestoreAsIfNothingHadHappened(Backend backend) throws Exception {
        CompletionEvent first;
        CompletionEvent undisturbed;
        OperatorSubtaskState state;
        try (OperatorRun run = OperatorRun.start(options(), backend.create())) {
            first = run.ask(turn("r1", "chat", "Once upon a time."));
            state = run.checkpoint();
            undisturbed = run.ask(turn("r2", "chat", "And then?"));
        }
        try (OperatorRun run = OperatorRun.restore(options(), backend.create(), state)) {
            CompletionEvent second = run.ask(turn("r2", "chat", "And then?"));
            assertThat(tokens(second)).isEqualTo(tokens(undisturbed));
            assertThat(second.getUsage()).isEqualTo(undisturbed.getUsage());
            assertThat(second.getTurn()).isEqualTo(2);
            assertThat(cached(second)).isEqualTo(first.getUsage().getTotalTokens() - 1);
            assertThat(run.computedPositions()).as("only what state does not hold")
                    .isEqualTo(second.getUsage().getTotalTokens() - 1 - cached(second));
        }
    }

    @ParameterizedTest
    @EnumSource(Backend.class)
    void aTurnThatAFailureCutsOffGoesOnAtItsTokenWithTheSameText(Backend backend) throws Exception {
        CompletionEvent undisturbed;
        OperatorSubtaskState state;
        SessionRecord record;
        List<TokenDelta> deltas;
        try (OperatorRun run = OperatorRun.start(options(), backend.create())) {
            run.ask(turn("r1", "chat", "Hello."));
            run.send(story("r2", "chat"));
            beginToSpeak(run, "r2");
            state = run.checkpoint();
            record = run.record("c:chat");
            deltas = new ArrayList<>(run.deltas("r2"));
            undisturbed = run.awaitCompletions(2).get(1);
        }
        int known = record.getTokens().remaining() / Integer.BYTES;
        assertThat(record.getSavedPositions()).as("whole blocks of a running turn").isBetween(known - 16, known);
        try (OperatorRun run = OperatorRun.restore(options(), backend.create(), state)) {
            CompletionEvent restored = run.awaitCompletions(1).getFirst();
            assertThat(tokens(restored)).isEqualTo(tokens(undisturbed)).hasSize(MANY);
            assertThat(text(restored)).isEqualTo(text(undisturbed));
            assertThat(restored.getChoices()).isEqualTo(undisturbed.getChoices());
            assertThat(usage(restored)).isEqualTo(undisturbed.getUsage());
            int saved = record.getSavedPositions();
            assertThat(restored.getUsage().getRecomputedTokens()).as("what the checkpoint left out of the last block")
                    .isEqualTo(Math.max(saved, known - 1) - Math.min(saved, known - 1)).isLessThan(16);
            assertThat(restored.getTimings().getRestarts()).isEqualTo(1);
            assertThat(undisturbed.getTimings().getRestarts()).isZero();
            // The last known token is computed in any case: the next one is drawn from what comes of it.
            assertThat(run.computedPositions()).as("only what state does not hold").isEqualTo(
                    restored.getUsage().getTotalTokens() - 1 - Math.min(saved, known - 1));
            deltas.addAll(run.deltas("r2"));
            assertThat(deltas).as("numbered on from the checkpoint").extracting(TokenDelta::getSeq)
                    .containsExactlyElementsOf(IntStream.range(0, deltas.size()).boxed().toList());
            assertThat(said(deltas)).isEqualTo(text(undisturbed));
        }
    }

    @Test
    void whatATurnComputedBeforeItWasCutOffIsKeptButNotCountedAsCached() throws Exception {
        CompletionEvent undisturbed;
        OperatorSubtaskState state;
        try (OperatorRun run = OperatorRun.start(options())) {
            run.ask(turn("r1", "chat", "Hello."));
            long computed = run.computedPositions();
            run.send(turn("r2", "chat", "A prompt that is computed, but of whose answer nothing was committed."));
            run.awaitEngine(computed);
            state = run.checkpoint();
            undisturbed = run.awaitCompletions(2).get(1);
        }
        try (OperatorRun run = OperatorRun.restore(options(), null, state)) {
            CompletionEvent restored = run.awaitCompletions(1).getFirst();
            assertThat(restored.getChoices()).isEqualTo(undisturbed.getChoices());
            assertThat(usage(restored)).isEqualTo(undisturbed.getUsage());
            int prompt = restored.getUsage().getPromptTokens();
            assertThat(run.computedPositions()).as("the prompt behind its last whole block, and the answer")
                    .isEqualTo(Math.max(prompt % 16, 1) + restored.getUsage().getCompletionTokens() - 1);
        }
    }

    @Test
    void waitingPromptsAreAnsweredAfterARestoreInTheirOrder() throws Exception {
        OperatorSubtaskState state;
        try (OperatorRun run = OperatorRun.start(options())) {
            run.send(story("r1", "chat"));
            run.send(turn("r2", "chat", "Second."));
            run.send(turn("r3", "chat", "Third."));
            run.send(turn("r2", "chat", "Second."));
            state = run.checkpoint();
        }
        try (OperatorRun run = OperatorRun.restore(options(), null, state)) {
            run.send(turn("r3", "chat", "Third."));
            run.endInput();
            assertThat(run.completions()).extracting(CompletionEvent::getRequestId).containsExactly("r1", "r2", "r3");
        }
    }

    @Test
    void anAnsweredRequestIsNotAnsweredAgainAfterARestore() throws Exception {
        OperatorSubtaskState state;
        try (OperatorRun run = OperatorRun.start(options())) {
            run.ask(turn("r1", "chat", "Hello."));
            run.ask(turn("s1", null, "Hello."));
            state = run.checkpoint();
        }
        try (OperatorRun run = OperatorRun.restore(options(), null, state)) {
            run.send(turn("r1", "chat", "Hello."));
            run.send(turn("s1", null, "Hello."));
            run.endInput();
            assertThat(run.completions()).isEmpty();
        }
    }

    @Test
    void aRetryIsDroppedAfterARestoreWhereverItsRequestIs() throws Exception {
        List<PromptEvent.Builder> prompts = List.of(turn("answered", "chat", "Hello."),
                turn("refused", "chat", "Hello.").setTurn(7), story("running", "chat"),
                turn("waiting", "chat", "Hello."), story("alone", null), turn("answered alone", null, "Hello."));
        OperatorSubtaskState state;
        List<String> answered;
        try (OperatorRun run = OperatorRun.start(options())) {
            run.ask(prompts.get(0));
            run.ask(prompts.get(1));
            run.ask(prompts.get(5));
            for (int i = 2; i < 5; i++) {
                run.send(prompts.get(i));
            }
            state = run.checkpoint();
            answered = run.completions().stream().map(CompletionEvent::getRequestId).toList();
        }
        try (OperatorRun run = OperatorRun.restore(options(), null, state)) {
            for (PromptEvent.Builder retried : prompts) {
                run.send(retried);
                run.send(retried);
            }
            run.endInput();
            assertThat(answered).containsExactly("answered", "refused", "answered alone");
            assertThat(run.completions()).extracting(CompletionEvent::getRequestId).containsExactlyInAnyOrder("running",
                    "waiting", "alone");
        }
    }

    @Test
    void aSecondCheckpointHoldsWhatTheFirstHeldAndWhatCameAfterIt() throws Exception {
        CompletionEvent undisturbed;
        OperatorSubtaskState state;
        try (OperatorRun run = OperatorRun.start(options())) {
            run.ask(turn("r1", "chat", "First."));
            run.checkpoint();
            run.ask(turn("r2", "chat", "Second."));
            state = run.checkpoint();
            undisturbed = run.ask(turn("r3", "chat", "Third."));
        }
        try (OperatorRun run = OperatorRun.restore(options(), null, state)) {
            CompletionEvent third = run.ask(turn("r3", "chat", "Third."));
            assertThat(tokens(third)).isEqualTo(tokens(undisturbed));
            assertThat(third.getUsage()).isEqualTo(undisturbed.getUsage());
        }
    }

    @Test
    void conversationsMoveWithTheirKeyGroupsWhenTheJobIsRescaled() throws Exception {
        int conversations = 8;
        Map<String, String> undisturbed = new LinkedHashMap<>();
        int answered;
        OperatorSubtaskState state;
        try (OperatorRun run = OperatorRun.start(options())) {
            for (int i = 0; i < conversations; i++) {
                run.ask(turn("a" + i, "chat-" + i, "Conversation " + i));
            }
            // Together, so that all of them are under way when the last one has begun.
            for (int i = 0; i < conversations; i++) {
                run.send(story("b" + i, "chat-" + i));
            }
            run.await(() -> !run.deltas("b7").isEmpty());
            state = run.checkpoint();
            answered = run.completions().size();
            run.awaitCompletions(2 * conversations);
            run.completions().forEach(each -> undisturbed.put(each.getRequestId(), text(each)));
        }
        Map<String, String> restored = new LinkedHashMap<>();
        for (int subtask = 0; subtask < 2; subtask++) {
            try (OperatorRun run = OperatorRun.restoreRescaled(options(), state, subtask)) {
                run.endInput();
                assertThat(run.completions()).isNotEmpty();
                run.completions().forEach(each -> restored.put(each.getRequestId(), text(each)));
            }
        }
        assertThat(restored).hasSize(2 * conversations - answered);
        assertThat(undisturbed).containsAllEntriesOf(restored);
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    void everyTypeOfCacheComesBackFromStateAsItWas(KvType type) throws Exception {
        Configuration options = options();
        options.set(MillraceOptions.KV_TYPE, type);
        CompletionEvent first;
        OperatorSubtaskState state;
        try (OperatorRun run = OperatorRun.start(options)) {
            first = run.ask(turn("r1", "chat", "Once upon a time."));
            state = run.checkpoint();
        }
        try (OperatorRun run = OperatorRun.restore(options, null, state);
                DirectEngine direct = new DirectEngine(options)) {
            PromptEvent.Builder prompt = turn("r2", "chat", "And then?");
            CompletionEvent second = run.ask(prompt);
            assertThat(cached(second)).isEqualTo(first.getUsage().getTotalTokens() - 1);
            int[] history = DirectEngine.concat(direct.start(), direct.user("Once upon a time."),
                    direct.closed(tokens(first)), direct.user("And then?"));
            assertThat(tokens(second)).isEqualTo(direct.generate(history, prompt));
        }
    }

    @Test
    void nothingIsEmittedAfterTheSavepointOfAStop() throws Exception {
        OperatorSubtaskState state;
        List<TokenDelta> deltas;
        try (OperatorRun run = OperatorRun.start(options())) {
            run.send(story("r1", "chat"));
            beginToSpeak(run, "r1");
            state = run.suspend();
            SessionRecord record = run.record("c:chat");
            int known = record.getTokens().remaining() / Integer.BYTES;
            assertThat(record.getSavedPositions()).as("all that was computed").isBetween(known - 1, known);
            deltas = run.deltas("r1");
            run.computedPositions();
            while (run.runMail()) {
                assertThat(run.completions()).isEmpty();
            }
            assertThat(run.deltas("r1")).isEqualTo(deltas);
        }
        try (OperatorRun run = OperatorRun.restore(options(), null, state)) {
            assertThat(run.awaitCompletions(1)).hasSize(1);
            assertThat(run.deltas("r1").getFirst().getSeq()).isEqualTo(deltas.size());
        }
    }

    @Test
    void afterTheSavepointOfAStopTheEngineComputesNoMoreAndARestoredRunGoesOnWithEveryTurn() throws Exception {
        int turns = 16;
        List<Integer> stopTokens;
        try (DirectEngine direct = new DirectEngine(options())) {
            stopTokens = direct.stopTokens();
        }
        Map<String, String> undisturbed = new LinkedHashMap<>();
        long all;
        try (OperatorRun run = OperatorRun.start(options())) {
            sendLong(run, turns, stopTokens);
            run.awaitCompletions(turns).forEach(each -> undisturbed.put(each.getRequestId(), text(each)));
            all = run.computedPositions();
        }
        OperatorSubtaskState state;
        long computed;
        try (OperatorRun run = OperatorRun.start(options())) {
            sendLong(run, turns, stopTokens);
            beginToSpeak(run, "r" + (turns - 1));
            state = run.suspend();
            computed = run.computedPositions();
            assertThat(run.completions()).isEmpty();
        }
        assertThat(computed).as("positions until the engine came to rest").isLessThan(all);
        Map<String, String> restored = new LinkedHashMap<>();
        try (OperatorRun run = OperatorRun.restore(options(), null, state)) {
            run.awaitCompletions(turns).forEach(each -> restored.put(each.getRequestId(), text(each)));
            assertThat(run.computedPositions()).as("goes on where the savepoint left it").isLessThan(all);
        }
        assertThat(restored).isEqualTo(undisturbed);
    }

    private static void sendLong(OperatorRun run, int turns, List<Integer> stopTokens) throws Exception {
        for (int i = 0; i < turns; i++) {
            run.send(longTurn("r" + i, "chat-" + i, "Tell me a long story.", 900, stopTokens).setStream(true));
        }
    }

    @Test
    void aStopThatFailedLetsTheJobGoOn() throws Exception {
        try (OperatorRun run = OperatorRun.start(options())) {
            CompletionEvent undisturbed = run.ask(story("r1", "chat-1").setSeed(1L));
            run.send(story("r2", "chat-2").setSeed(1L));
            beginToSpeak(run, "r2");
            run.suspend();
            run.computedPositions();
            run.abortCheckpoint();
            CompletionEvent resumed = run.awaitCompletions(2).get(1);
            assertThat(tokens(resumed)).isEqualTo(tokens(undisturbed)).hasSize(MANY);
            assertThat(said(run.deltas("r2"))).isEqualTo(text(undisturbed));
        }
    }

    @Test
    void aCancelledTurnStaysCancelledAfterARestore() throws Exception {
        OperatorSubtaskState state;
        try (OperatorRun run = OperatorRun.start(options())) {
            run.send(story("r1", "chat"));
            beginToSpeak(run, "r1");
            run.send(cancel("chat", "r1"));
            state = run.checkpoint();
        }
        try (OperatorRun run = OperatorRun.restore(options(), null, state)) {
            CompletionEvent second = run.ask(turn("r2", "chat", "Something else."));
            assertThat(run.completions()).hasSize(1);
            assertThat(second.getTurn()).isEqualTo(2);
            assertThat(cached(second)).isPositive();
        }
    }
}
