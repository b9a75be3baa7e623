package io.millrace.operator.session;

import static io.millrace.operator.session.OperatorRun.finishReason;
import static io.millrace.operator.session.OperatorRun.text;
import static io.millrace.operator.session.OperatorRun.usage;
import static io.millrace.operator.session.Prompts.longTurn;
import static io.millrace.operator.session.Prompts.turn;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operator.MillraceOptions;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.FunctionDefinition;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.Tool;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Turns that a failure cuts off, at each of their tokens: completions and deltas are those of the undisturbed run. The turns
 * are such that at most tokens something is held back that state has to tell again.
 */
class ResumedTurnTest {
    private static final int TOKENS = 40;

    /** Conversations that have had a first turn, and requests without one. */
    private static final List<String> EARLIER = List.of("stop", "bytes", "plain");

    private static Configuration options(int speculativeTokens) {
        Configuration options = OperatorRun.options();
        options.set(MillraceOptions.NUM_SPECULATIVE_TOKENS, speculativeTokens);
        options.set(MillraceOptions.PROMPT_LOOKUP_NGRAM, 1);
        // Which of two turns that begin alike computes their beginning is a matter of chance.
        options.set(MillraceOptions.PREFIX_CACHE, false);
        return options;
    }

    private static PromptEvent.Builder speech(DirectEngine direct, String conversation) {
        return longTurn(conversation + "-2", conversation, "one two one two one two", TOKENS, direct.stopTokens())
                .setTemperature(0.8).setTopLogprobs(2).setStream(true);
    }

    private static void prefer(PromptEvent.Builder prompt, double bias, int... tokens) {
        for (int token : tokens) {
            prompt.getLogitBias().put(Integer.toString(token), bias);
        }
    }

    /**
     * @param stop ends the answers in conversation {@code stop}
     * @param neverStops begins as their text does, but does not come
     */
    private static List<PromptEvent> prompts(DirectEngine direct, String stop, String neverStops, String pythonStop) {
        Tool tool = new Tool("function", new FunctionDefinition("f", "Does it.", "{}", null));
        PromptEvent.Builder bytes = speech(direct, "bytes").setTopK(50).setMinP(0.001);
        prefer(bytes, 9, direct.text("\u20ac"));
        prefer(bytes, 8, direct.text("\ud83d\ude00"));
        PromptEvent.Builder penalties = speech(direct, "plain").setRepetitionPenalty(1.3).setPresencePenalty(0.5)
                .setFrequencyPenalty(0.3);
        PromptEvent.Builder brace = speech(direct, "brace").setTools(List.of(tool)).setFrequencyPenalty(2.0);
        prefer(brace, 14, direct.text("{"));
        PromptEvent.Builder angle = speech(direct, "angle").setTools(List.of(tool)).setFrequencyPenalty(0.2);
        prefer(angle, 7, direct.text("<"));
        prefer(angle, 6, direct.text(" "));
        PromptEvent.Builder python = speech(direct, "python").setFrequencyPenalty(2.0).setStop(List.of(pythonStop));
        prefer(python, 9, direct.pythonTag());
        return List.of(speech(direct, "stop").setStop(List.of(neverStops, stop)).build(), bytes.build(),
                penalties.build(), brace.build(), angle.build(), python.build(),
                speech(direct, "alone").setConversationId(null).build(), turn("stop-3", "stop", "And then?").build());
    }

    /** Lets the model speak once without stop strings, to know which ones it will meet. */
    private static List<PromptEvent> prompts(Configuration options) throws Exception {
        try (DirectEngine direct = new DirectEngine(options); OperatorRun run = OperatorRun.start(options)) {
            begin(run, prompts(direct, "\u2620", "\u2620", "\u2620"));
            run.endInput();
            String said = text(run.completion("stop-2"));
            String python = text(run.completion("python-2"));
            return prompts(direct, said.substring(60, said.length() - 5), said.substring(20, 60) + "\u2620",
                    python.substring(python.length() - 20, python.length() - 2));
        }
    }

    private static void begin(OperatorRun run, List<PromptEvent> prompts) throws Exception {
        for (String conversation : EARLIER) {
            run.ask(turn(conversation + "-1", conversation, "Hello."));
        }
        for (PromptEvent prompt : prompts) {
            run.send(PromptEvent.newBuilder(prompt));
        }
    }

    /** What the undisturbed run says, and a checkpoint after about every token of every turn. */
    private static final class Undisturbed {
        final Map<String, CompletionEvent> completions = new LinkedHashMap<>();
        final Map<String, List<TokenDelta>> deltas = new HashMap<>();
        final List<OperatorSubtaskState> checkpoints = new ArrayList<>();
        /** For each checkpoint the deltas that had gone out. */
        final List<Map<String, Integer>> saidBefore = new ArrayList<>();

        CompletionEvent completion(String request) {
            return Objects.requireNonNull(completions.get(request), request);
        }

        List<TokenDelta> deltas(String request) {
            return Objects.requireNonNull(deltas.get(request), request);
        }

        int saidBefore(int checkpoint, String request) {
            return Objects.requireNonNull(saidBefore.get(checkpoint).get(request), request);
        }

        Undisturbed(Configuration options, List<PromptEvent> prompts) throws Exception {
            int all = EARLIER.size() + prompts.size();
            try (OperatorRun run = OperatorRun.stepping(options, null)) {
                begin(run, prompts);
                for (int mails = 0; run.completions().size() < all; mails += run.runMail() ? 1 : 0) {
                    // Running turns are reported one after the other.
                    if (mails == checkpoints.size() * (prompts.size() - 1)) {
                        checkpoints.add(run.checkpoint());
                        Map<String, Integer> said = new HashMap<>();
                        prompts.forEach(each -> said.put(each.getId(), run.deltas(each.getId()).size()));
                        saidBefore.add(said);
                    }
                }
                run.completions().forEach(each -> completions.put(each.getRequestId(), each));
                prompts.forEach(each -> deltas.put(each.getId(), run.deltas(each.getId())));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void aTurnThatIsCutOffAtAnyTokenComesOutAsIfNothingHadHappened(int speculativeTokens) throws Exception {
        Configuration options = options(speculativeTokens);
        List<PromptEvent> prompts = prompts(options);
        Undisturbed undisturbed = new Undisturbed(options, prompts);
        assertThat(undisturbed.checkpoints).hasSizeGreaterThan(TOKENS);
        assertThat(finishReason(undisturbed.completion("stop-2"))).isEqualTo("stop");
        assertThat(finishReason(undisturbed.completion("python-2"))).isEqualTo("tool_calls");
        assertThat(text(undisturbed.completion("bytes-2"))).contains("\ufffd");
        assertThat(undisturbed.deltas("brace-2")).as("a tool call, perhaps, until its end").hasSize(1);

        for (int i = 0; i < undisturbed.checkpoints.size(); i++) {
            try (OperatorRun run = OperatorRun.restore(options, null, undisturbed.checkpoints.get(i))) {
                run.endInput();
                for (CompletionEvent completion : run.completions()) {
                    String request = completion.getRequestId();
                    assertSame(completion, undisturbed.completion(request), "checkpoint " + i);
                    if (undisturbed.deltas(request).isEmpty()) {
                        continue;
                    }
                    int saidBefore = undisturbed.saidBefore(i, request);
                    assertThat(withoutUsage(run.deltas(request))).as("checkpoint %s: deltas of %s go on", i, request)
                            .isEqualTo(withoutUsage(undisturbed.deltas(request).subList(saidBefore,
                                    undisturbed.deltas(request).size())));
                }
            }
        }
    }

    @Test
    void aTurnThatIsCutOffAgainAndAgainComesOutTheSameAndSaysHowOften() throws Exception {
        Configuration options = options(0);
        List<PromptEvent> prompts = prompts(options);
        Undisturbed undisturbed = new Undisturbed(options, prompts);
        Map<String, CompletionEvent> completions = new HashMap<>();
        OperatorSubtaskState state = undisturbed.checkpoints.getFirst();
        int restarts = 0;
        while (completions.size() < prompts.size()) {
            restarts++;
            try (OperatorRun run = OperatorRun.stepping(options, state)) {
                int before = completions.size();
                for (int mails = 0; mails < 31 && before + run.completions().size() < prompts
                        .size(); mails += run.runMail() ? 1 : 0) {
                    Thread.onSpinWait();
                }
                run.completions().forEach(each -> completions.put(each.getRequestId(), each));
                state = run.checkpoint();
            }
        }
        assertThat(restarts).isGreaterThan(5);
        completions.forEach((request, completion) -> assertSame(completion, undisturbed.completion(request),
                "restarts"));
        CompletionEvent plain = Objects.requireNonNull(completions.get("plain-2"));
        int last = plain.getTimings().getRestarts();
        assertThat(last).isBetween(4, restarts);
        assertThat(plain.getUsage().getRecomputedTokens()).isPositive()
                .isLessThanOrEqualTo(15 * last);
    }

    private static void assertSame(CompletionEvent completion, CompletionEvent expected, String when) {
        assertThat(completion.getChoices()).as("%s: %s", when, completion.getRequestId())
                .isEqualTo(expected.getChoices());
        assertThat(usage(completion)).as("%s: %s", when, completion.getRequestId()).isEqualTo(expected.getUsage());
        assertThat(completion.getId()).isEqualTo(expected.getId());
        assertThat(completion.getTurn()).isEqualTo(expected.getTurn());
        assertThat(completion.getError()).isNull();
        assertThat(completion.getTimings().getTtftMs()).isNotNull();
    }

    /** Only the last delta has it, and it tells what was computed again. */
    private static List<TokenDelta> withoutUsage(List<TokenDelta> deltas) {
        return deltas.stream().map(delta -> TokenDelta.newBuilder(delta).setUsage(null).build()).toList();
    }
}
