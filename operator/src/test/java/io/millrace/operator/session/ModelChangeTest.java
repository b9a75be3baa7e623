package io.millrace.operator.session;

import static io.millrace.operator.session.DirectEngine.concat;
import static io.millrace.operator.session.OperatorRun.cached;
import static io.millrace.operator.session.OperatorRun.finishReason;
import static io.millrace.operator.session.OperatorRun.options;
import static io.millrace.operator.session.OperatorRun.tokens;
import static io.millrace.operator.session.Prompts.longTurn;
import static io.millrace.operator.session.Prompts.turn;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operator.MillraceOptions;
import io.millrace.operator.ModelChangePolicy;
import io.millrace.operator.OperatorSettings;
import io.millrace.operator.SampleModels;
import io.millrace.operator.state.Tokens;
import io.millrace.runtime.kv.KvType;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.state.ModelRecord;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.StateObjectCollection;
import org.apache.flink.runtime.throwable.ThrowableClassifier;
import org.apache.flink.runtime.throwable.ThrowableType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Restores with another model file or another type of KV cache than the one that computed the sessions. */
class ModelChangeTest {

    private static Configuration with(Path model, ModelChangePolicy policy) {
        Configuration options = options();
        options.set(MillraceOptions.MODEL, model.toString());
        options.set(MillraceOptions.ON_MODEL_CHANGE, policy);
        return options;
    }

    private static String fingerprint(Path model) {
        try (SharedEngine engine = SharedEngine.open(
                OperatorSettings.of(with(model, ModelChangePolicy.REFUSE)))) {
            return engine.fingerprint();
        }
    }

    private static PromptEvent.Builder story(String id, String conversation) {
        try (DirectEngine direct = new DirectEngine(options())) {
            return longTurn(id, conversation, "Tell me a long story.", 300, direct.stopTokens()).setStream(true);
        }
    }

    /** Two idle conversations, one of which has a turn under way. */
    private static OperatorSubtaskState state(boolean running) throws Exception {
        try (OperatorRun run = OperatorRun.start(options())) {
            run.ask(turn("r1", "chat", "Hello."));
            if (running) {
                run.send(story("s1", "story"));
                run.await(() -> !run.deltas("s1").isEmpty());
            }
            return run.checkpoint();
        }
    }

    /** As a build that did not keep its model beside the sessions would have written it. */
    private static OperatorSubtaskState ofAnOlderBuild(OperatorSubtaskState state) {
        return state.toBuilder().setManagedOperatorState(StateObjectCollection.empty()).build();
    }

    private static void assertThatRestoreIsRefused(OperatorSubtaskState state) {
        assertThatThrownBy(() -> OperatorRun
                .restore(with(SampleModels.otherWeights(), ModelChangePolicy.REFUSE), null, state))
                .hasMessageContainingAll("millrace.model: " + SampleModels.otherWeights(),
                        fingerprint(SampleModels.tiny()), fingerprint(SampleModels.otherWeights()),
                        "restore them with that model, or set millrace.session.on-model-change to re-prefill")
                .hasMessageNotContaining("\n")
                .satisfies(refusal -> assertThat(ThrowableClassifier.getThrowableType(refusal))
                        .as("starting again would not help").isEqualTo(ThrowableType.NonRecoverableError));
    }

    @Test
    void anotherModelIsRefusedBeforeAnySessionIsTouched() throws Exception {
        assertThatRestoreIsRefused(state(false));
    }

    @Test
    void withoutARecordOfTheModelTheSessionsWithWorkTell() throws Exception {
        assertThatRestoreIsRefused(ofAnOlderBuild(state(true)));
    }

    @Test
    void everySubtaskKnowsTheModelAfterARescale() throws Exception {
        OperatorSubtaskState state = state(false);
        Configuration other = with(SampleModels.otherWeights(), ModelChangePolicy.REFUSE);
        for (int subtask = 0; subtask < 2; subtask++) {
            int each = subtask;
            assertThatThrownBy(() -> OperatorRun.restoreRescaled(other, state, each))
                    .isInstanceOf(ModelChangedException.class);
        }
    }

    @Test
    void theSameModelUnderAnotherPathIsNoOther(@TempDir Path directory) throws Exception {
        Path copy = Files.copy(SampleModels.tiny(), directory.resolve("copy.gguf"));
        try (OperatorRun run = OperatorRun.restore(with(copy, ModelChangePolicy.REFUSE), null, state(false))) {
            assertThat(cached(run.ask(turn("r2", "chat", "And then?")))).isPositive();
        }
    }

    @Test
    void anIdleConversationOfAnotherModelIsNotComputedAgainUnasked() throws Exception {
        OperatorSubtaskState state = ofAnOlderBuild(state(false));
        OperatorSubtaskState after;
        try (OperatorRun run = OperatorRun.restore(with(SampleModels.otherWeights(), ModelChangePolicy.REFUSE), null,
                state)) {
            CompletionEvent refused = run.ask(turn("r2", "chat", "And then?"));
            assertThat(finishReason(refused)).isEqualTo("error");
            assertThat(refused.getError().getCode()).isEqualTo("model_changed");
            assertThat(refused.getError().getMessage()).contains(fingerprint(SampleModels.tiny()),
                    fingerprint(SampleModels.otherWeights()), "millrace.session.on-model-change to re-prefill");
            assertThat(run.ask(turn("r1", "other chat", "Hello.")).getError()).isNull();
            after = run.checkpoint();
        }
        // Nothing of the conversation is lost: with its own model it goes on where it was.
        try (OperatorRun run = OperatorRun.restore(options(), null, ofAnOlderBuild(after))) {
            CompletionEvent second = run.ask(turn("r3", "chat", "And then?"));
            assertThat(second.getTurn()).isEqualTo(2);
            assertThat(cached(second)).isPositive();
        }
    }

    @Test
    void whenItIsPermittedTheHistoryIsComputedAgainByTheOtherModel() throws Exception {
        assertThatSecondTurnIsComputedAfresh(with(SampleModels.otherWeights(), ModelChangePolicy.RE_PREFILL),
                state(false));
    }

    @Test
    void aTurnUnderWayGoesOnWithTheOtherModelFromTheTokensItHas() throws Exception {
        OperatorSubtaskState state = state(true);
        Configuration other = with(SampleModels.otherWeights(), ModelChangePolicy.RE_PREFILL);
        try (OperatorRun run = OperatorRun.restore(other, null, state); DirectEngine direct = new DirectEngine(other)) {
            int[] known = Tokens.unpack(run.record("c:story").getTokens()).toArray(0);
            int prompt = run.record("c:story").getRunning().getPromptTokens();
            CompletionEvent completion = run.awaitCompletions(1).getFirst();
            int[] said = tokens(completion);
            assertThat(said).hasSize(300).startsWith(Arrays.copyOfRange(known, prompt, known.length));
            assertThat(direct.generate(known, known.length - prompt, story("s1", "story")))
                    .isEqualTo(Arrays.copyOfRange(said, known.length - prompt, said.length));
        }
    }

    @Test
    void oncePermittedTheOtherModelIsTheSessionsOwn() throws Exception {
        OperatorSubtaskState after;
        try (OperatorRun run = OperatorRun.restore(with(SampleModels.otherWeights(), ModelChangePolicy.RE_PREFILL),
                null,
                state(false))) {
            run.ask(turn("r2", "chat", "And then?"));
            after = run.checkpoint();
        }
        try (OperatorRun run = OperatorRun.restore(with(SampleModels.otherWeights(), ModelChangePolicy.REFUSE), null,
                after)) {
            CompletionEvent third = run.ask(turn("r3", "chat", "And now?"));
            assertThat(third.getTurn()).isEqualTo(3);
            assertThat(cached(third)).isPositive();
        }
        assertThatThrownBy(() -> OperatorRun.restore(options(), null, after))
                .isInstanceOf(ModelChangedException.class);
    }

    @Test
    void tokensOfAnotherVocabularyMeanNothingToThisModel() throws Exception {
        try (OperatorRun run = OperatorRun.restore(with(SampleModels.otherVocabulary(), ModelChangePolicy.RE_PREFILL),
                null, state(false))) {
            assertThat(run.ask(turn("r2", "chat", "And then?")).getError().getCode()).isEqualTo("vocabulary_changed");
            assertThat(run.ask(turn("r1", "other chat", "Hello.")).getError()).isNull();
        }
    }

    @Test
    void whatIsComputedAgainIsWarnedOf() throws Exception {
        ModelRecord before = new ModelRecord("a", "a/f16");
        assertThat(RestoredModel.check(List.of(before, before), before, settings(ModelChangePolicy.REFUSE))).isNull();
        assertThat(RestoredModel.check(List.of(), before, settings(ModelChangePolicy.REFUSE))).isNull();
        assertThat(RestoredModel.check(List.of(before), new ModelRecord("a", "a/q8"),
                settings(ModelChangePolicy.REFUSE))).contains("another type or layout than a/q8");
        assertThat(RestoredModel.check(List.of(before), new ModelRecord("b", "b/f16"),
                settings(ModelChangePolicy.RE_PREFILL))).contains("fingerprint b,", "fingerprint a;");
    }

    private static OperatorSettings settings(ModelChangePolicy policy) {
        return OperatorSettings.of(with(SampleModels.tiny(), policy));
    }

    @Test
    void withAnotherCacheTypeTheHistoryIsComputedAgain() throws Exception {
        Configuration other = options();
        other.set(MillraceOptions.KV_TYPE, KvType.F32);
        assertThatSecondTurnIsComputedAfresh(other, state(false));
    }

    private static void assertThatSecondTurnIsComputedAfresh(Configuration options, OperatorSubtaskState state)
            throws Exception {
        try (OperatorRun run = OperatorRun.restore(options, null, state);
                DirectEngine direct = new DirectEngine(options)) {
            int[] history = Tokens.unpack(run.record("c:chat").getTokens()).toArray(0);
            PromptEvent.Builder prompt = turn("r2", "chat", "And then?");
            CompletionEvent second = run.ask(prompt);
            assertThat(cached(second)).isZero();
            assertThat(tokens(second))
                    .isEqualTo(direct.generate(concat(direct.closed(history), direct.user("And then?")), prompt));
        }
    }
}
