package io.millrace.operator.session;

import static io.millrace.operator.session.DirectEngine.concat;
import static io.millrace.operator.session.OperatorRun.cached;
import static io.millrace.operator.session.OperatorRun.finishReason;
import static io.millrace.operator.session.OperatorRun.options;
import static io.millrace.operator.session.OperatorRun.text;
import static io.millrace.operator.session.OperatorRun.tokens;
import static io.millrace.operator.session.Prompts.turn;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operator.MillraceOptions;
import io.millrace.operator.SampleModels;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.TokenDelta;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Conversations without failures. */
class ConversationTest {

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theSecondTurnReusesWhatTheFirstComputedAndSaysWhatOneRunOverTheHistorySays(boolean quantized)
            throws Exception {
        Configuration options = options();
        if (quantized) {
            options.set(MillraceOptions.MODEL, SampleModels.quantized().toString());
        }
        try (OperatorRun run = OperatorRun.start(options); DirectEngine direct = new DirectEngine(options)) {
            CompletionEvent first = run.ask(turn("r1", "chat", "Once upon a time there was a mill."));
            PromptEvent.Builder again = turn("r2", "chat", "And then?");
            CompletionEvent second = run.ask(again);

            int[] firstPrompt = concat(direct.start(), direct.user("Once upon a time there was a mill."));
            assertThat(tokens(first)).isEqualTo(
                    direct.generate(firstPrompt, turn("r1", "chat", "Once upon a time there was a mill.")));
            int[] history = concat(firstPrompt, direct.closed(tokens(first)), direct.user("And then?"));
            assertThat(tokens(second)).isEqualTo(direct.generate(history, again));

            assertThat(first.getUsage().getPromptTokens()).isEqualTo(firstPrompt.length);
            assertThat(cached(first)).isZero();
            assertThat(second.getUsage().getPromptTokens()).isEqualTo(history.length);
            // All that the first turn computed: everything but its last token.
            assertThat(cached(second)).isEqualTo(firstPrompt.length + tokens(first).length - 1);
            assertThat(second.getUsage().getTotalTokens()).isEqualTo(history.length + tokens(second).length);
        }
    }

    @Test
    void conversationsThatBeginAlikeShareTheirBeginningUnlessTheirSaltsDiffer() throws Exception {
        String text = "Once upon a time there was a mill by the river, and the miller had three sons.";
        try (OperatorRun run = OperatorRun.start(options())) {
            CompletionEvent first = run.ask(turn("r1", "a", text).setSeed(1L));
            CompletionEvent second = run.ask(turn("r2", "b", text).setSeed(1L));
            CompletionEvent stateless = run.ask(turn("r3", null, text).setSeed(1L));
            CompletionEvent salted = run.ask(turn("r4", "c", text).setSeed(1L).setCacheSalt("tenant 1"));
            CompletionEvent same = run.ask(turn("r5", "d", text).setSeed(1L).setCacheSalt("tenant 1"));

            assertThat(cached(first)).isZero();
            // Whole blocks, and not the last token, which is always computed.
            int shared = (first.getUsage().getPromptTokens() - 1) / 16 * 16;
            assertThat(cached(second)).isEqualTo(shared).isPositive();
            assertThat(cached(stateless)).isEqualTo(shared);
            assertThat(cached(salted)).isZero();
            assertThat(cached(same)).isEqualTo(shared);
            assertThat(Stream.of(second, stateless, salted, same)).allMatch(
                    completion -> Arrays.equals(tokens(completion), tokens(first)));
        }
    }

    @Test
    void withoutAPrefixCacheConversationsShareNothing() throws Exception {
        String text = "Once upon a time there was a mill by the river, and the miller had three sons.";
        Configuration options = options();
        options.set(MillraceOptions.PREFIX_CACHE, false);
        try (OperatorRun run = OperatorRun.start(options)) {
            run.ask(turn("r1", "a", text));
            assertThat(cached(run.ask(turn("r2", "b", text)))).isZero();
        }
    }

    @Test
    void speculationDoesNotChangeAnAnswer() throws Exception {
        Configuration options = options();
        options.set(MillraceOptions.NUM_SPECULATIVE_TOKENS, 4);
        options.set(MillraceOptions.PROMPT_LOOKUP_NGRAM, 1);
        PromptEvent.Builder prompt = turn("r1", "chat", "one two one two one two").setMaxCompletionTokens(60);
        try (OperatorRun run = OperatorRun.start(options()); OperatorRun speculating = OperatorRun.start(options)) {
            CompletionEvent expected = run.ask(prompt);
            CompletionEvent completion = speculating.ask(prompt);
            assertThat(completion.getChoices()).isEqualTo(expected.getChoices());
            assertThat(completion.getUsage()).isEqualTo(expected.getUsage());
        }
    }

    @Test
    void aCompletionSaysWhatItAnswers() throws Exception {
        try (OperatorRun run = OperatorRun.start(options())) {
            CompletionEvent first = run.ask(turn("r1", "chat", "Hello."));
            CompletionEvent second = run.ask(turn("r2", "chat", "Hello again."));
            CompletionEvent alone = run.ask(turn("r3", null, "Hello."));
            assertThat(first.getConversationId()).isEqualTo("chat");
            assertThat(first.getTurn()).isEqualTo(1);
            assertThat(second.getTurn()).isEqualTo(2);
            assertThat(alone.getConversationId()).isNull();
            assertThat(alone.getTurn()).isNull();
            assertThat(first.getModel()).isNotBlank();
            assertThat(first.getSystemFingerprint()).isNotBlank().isEqualTo(alone.getSystemFingerprint());
            assertThat(first.getChoices().getFirst().getMessage().getRole()).isEqualTo("assistant");
            assertThat(first.getError()).isNull();
            assertThat(first.getTimings().getTtftMs()).isNotNull();
        }
    }

    @Test
    void theDefaultSeedIsAFunctionOfTheRequestIdAlone() throws Exception {
        try (OperatorRun run = OperatorRun.start(options()); OperatorRun other = OperatorRun.start(options())) {
            assertThat(tokens(run.ask(turn("r1", null, "Hello."))))
                    .isEqualTo(tokens(other.ask(turn("r1", "c", "Hello."))))
                    .isNotEqualTo(tokens(run.ask(turn("r2", null, "Hello."))));
        }
    }

    @Test
    void interleavedConversationsSayWhatEachSaysAlone() throws Exception {
        List<String> expected = new ArrayList<>();
        for (int conversation = 0; conversation < 8; conversation++) {
            try (OperatorRun alone = OperatorRun.start(options())) {
                for (int turn = 0; turn < 2; turn++) {
                    expected.add(text(alone.ask(prompt(conversation, turn))));
                }
            }
        }
        try (OperatorRun run = OperatorRun.start(options())) {
            for (int turn = 0; turn < 2; turn++) {
                for (int conversation = 0; conversation < 8; conversation++) {
                    run.send(prompt(conversation, turn));
                }
            }
            run.awaitCompletions(16);
            for (int i = 0; i < 16; i++) {
                assertThat(text(run.completion("r" + i / 2 + "-" + i % 2))).isEqualTo(expected.get(i));
            }
        }
    }

    private static PromptEvent.Builder prompt(int conversation, int turn) {
        return turn("r" + conversation + "-" + turn, "chat-" + conversation,
                "Message " + turn + " of conversation " + conversation);
    }

    @Test
    void promptsOfAConversationAreAnsweredInOrder() throws Exception {
        try (OperatorRun run = OperatorRun.start(options())) {
            for (int i = 0; i < 5; i++) {
                run.send(turn("r" + i, "chat", "Message " + i));
            }
            assertThat(run.awaitCompletions(5)).extracting(CompletionEvent::getRequestId).containsExactly("r0", "r1",
                    "r2", "r3", "r4");
            assertThat(run.completions()).extracting(CompletionEvent::getTurn).containsExactly(1, 2, 3, 4, 5);
        }
    }

    @Test
    void aDuplicateIsDroppedWhetherItsRequestWaitsOrWasAnswered() throws Exception {
        try (OperatorRun run = OperatorRun.start(options())) {
            run.send(turn("r1", "chat", "Hello."));
            run.send(turn("r1", "chat", "Hello."));
            run.awaitCompletions(1);
            run.send(turn("r1", "chat", "Hello."));
            run.ask(turn("r1", "other chat", "Hello."));
            run.ask(turn("r2", "chat", "Bye."));
            run.ask(turn("s1", null, "Hello."));
            run.send(turn("s1", null, "Hello."));
            run.endInput();
            assertThat(run.completions()).extracting(CompletionEvent::getRequestId).containsExactly("r1", "r1", "r2",
                    "s1");
        }
    }

    @Test
    void onlyTheLastRequestIdsAreRemembered() throws Exception {
        Configuration options = options();
        options.set(MillraceOptions.DUPLICATE_WINDOW, 2);
        try (OperatorRun run = OperatorRun.start(options)) {
            for (String id : List.of("r1", "r2", "r3", "r2", "r1")) {
                run.send(turn(id, "chat", "Hello."));
                run.endInput();
            }
            assertThat(run.completions()).extracting(CompletionEvent::getRequestId).containsExactly("r1", "r2", "r3",
                    "r1");
        }
    }

    @Test
    void deltasAddUpToTheCompletion() throws Exception {
        try (OperatorRun run = OperatorRun.start(options())) {
            CompletionEvent completion = run
                    .ask(turn("r1", "chat", "Hello.").setStream(true).setMaxCompletionTokens(40));
            List<TokenDelta> deltas = run.deltas("r1");
            assertThat(deltas).extracting(TokenDelta::getSeq)
                    .containsExactlyElementsOf(IntStream.range(0, deltas.size()).boxed().toList());
            assertThat(said(deltas)).isEqualTo(text(completion)).isNotEmpty();
            assertThat(deltas).hasSizeGreaterThan(2).allMatch(delta -> delta.getId().equals(completion.getId()));
            assertThat(deltas.getFirst().getChoices().getFirst().getDelta().getRole()).isEqualTo("assistant");
            assertThat(deltas.subList(1, deltas.size()))
                    .allMatch(delta -> delta.getChoices().getFirst().getDelta().getRole() == null);
            assertThat(deltas.subList(0, deltas.size() - 1)).allMatch(
                    delta -> delta.getChoices().getFirst().getFinishReason() == null && delta.getUsage() == null);
            assertThat(deltas.getLast().getChoices().getFirst().getFinishReason()).isEqualTo(finishReason(completion));
            assertThat(deltas.getLast().getUsage()).isEqualTo(completion.getUsage());
        }
    }

    static String said(List<TokenDelta> deltas) {
        return deltas.stream().map(delta -> delta.getChoices().getFirst().getDelta().getContent())
                .map(content -> content == null ? "" : content).collect(Collectors.joining());
    }

    @Test
    void deltasAreOnlyForThoseWhoAsk() throws Exception {
        try (OperatorRun run = OperatorRun.start(options())) {
            run.ask(turn("r1", "chat", "Hello."));
            assertThat(run.deltas("r1")).isEmpty();
        }
    }

    @Test
    void evictionUnderATinyBudgetChangesNoText() throws Exception {
        Configuration tiny = options();
        // 2 layers of 2 * 2 heads * 16 values in F16: 256 bytes per position. 24 blocks hold 4 conversations, not 20.
        tiny.set(MillraceOptions.KV_MEMORY, new MemorySize(24 * 16 * 256));
        try (OperatorRun roomy = OperatorRun.start(options()); OperatorRun run = OperatorRun.start(tiny)) {
            assertThat(texts(run)).isEqualTo(texts(roomy));
            int evicted = 0;
            for (int conversation = 0; conversation < 20; conversation++) {
                assertThat(roomy.savedPositions("c:chat-" + conversation)).as("all stay in the arena").isZero();
                evicted += run.savedPositions("c:chat-" + conversation) > 0 ? 1 : 0;
            }
            assertThat(evicted).as("without a checkpoint only an eviction writes to state").isGreaterThanOrEqualTo(15);
        }
    }

    private static List<String> texts(OperatorRun run) throws Exception {
        for (int turn = 0; turn < 3; turn++) {
            for (int conversation = 0; conversation < 20; conversation++) {
                run.send(prompt(conversation, turn));
            }
        }
        run.awaitCompletions(60);
        return run.completions().stream().sorted(Comparator.comparing(CompletionEvent::getRequestId))
                .map(OperatorRun::text).toList();
    }

    @Test
    void aTurnThatTheWholeBudgetCannotHoldIsRefusedByTheBudgetsName() throws Exception {
        Configuration tiny = options();
        tiny.set(MillraceOptions.KV_MEMORY, new MemorySize(4 * 16 * 256));
        try (OperatorRun run = OperatorRun.start(tiny)) {
            CompletionEvent refused = run.ask(turn("r1", "chat", "word ".repeat(100)));
            assertThat(finishReason(refused)).isEqualTo("error");
            assertThat(refused.getError().getCode()).isEqualTo("context_length_exceeded");
            assertThat(refused.getError().getMessage())
                    .contains("no room for an answer in the 64 positions that millrace.engine.kv.memory holds");
            assertThat(run.ask(turn("r2", "chat", "Hello.")).getError()).isNull();
        }
    }

    @Test
    void anEvictedConversationComesBackFromStateWithoutComputingAgain() throws Exception {
        Configuration tiny = options();
        tiny.set(MillraceOptions.KV_MEMORY, new MemorySize(12 * 16 * 256));
        try (OperatorRun run = OperatorRun.start(tiny)) {
            CompletionEvent first = run.ask(turn("a1", "a", "The first conversation."));
            for (int i = 0; i < 6; i++) {
                run.ask(turn("b" + i, "b" + i, "Another conversation that needs room, number " + i + "."));
            }
            CompletionEvent second = run.ask(turn("a2", "a", "Where were we?"));
            assertThat(cached(second)).isEqualTo(first.getUsage().getTotalTokens() - 1);
        }
    }

    @Test
    void boundedInputIsAnsweredToTheEnd() throws Exception {
        try (OperatorRun run = OperatorRun.start(options())) {
            for (int i = 0; i < 10; i++) {
                run.send(turn("r" + i, "chat-" + i % 3, "Message " + i));
            }
            run.endInput();
            assertThat(run.completions()).hasSize(10);
        }
    }

    @Test
    void noMorePromptsAreAcceptedThanTheLimitSays() throws Exception {
        Configuration options = options();
        options.set(MillraceOptions.MAX_ACCEPTED_PROMPTS, 3);
        try (OperatorRun run = OperatorRun.start(options)) {
            for (int i = 0; i < 10; i++) {
                run.send(turn("r" + i, "chat-" + i, "Message " + i));
                assertThat(i + 1 - run.completions().size()).as("accepted and not answered").isLessThan(3);
            }
        }
    }
}
