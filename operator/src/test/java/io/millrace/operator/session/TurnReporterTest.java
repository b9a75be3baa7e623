package io.millrace.operator.session;

import static io.millrace.operator.session.OperatorRun.finishReason;
import static io.millrace.operator.session.Prompts.turn;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operator.OperatorSettings;
import io.millrace.operator.metrics.SessionMetrics;
import io.millrace.runtime.engine.FinishReason;
import io.millrace.runtime.engine.GenerationStep;
import io.millrace.runtime.engine.TurnTiming;
import io.millrace.runtime.sampling.SamplingParameters;
import io.millrace.operator.shard.ShardMessage;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.Message;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.ToolCall;
import io.millrace.schemas.state.QueuedPrompt;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.metrics.groups.UnregisteredMetricGroups;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Answers that a random model would never give. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TurnReporterTest {
    private static final TurnTiming TIMING = new TurnTiming(0, 1, 0, 1_000_000, 2_000_000, 3_000_000, 0);

    private SharedEngine engine = SharedEngine.open(OperatorSettings.of(OperatorRun.options()));

    @BeforeAll
    void open() {
        assertThat(engine.tokenizer().specials().pythonTag()).isPositive();
    }

    @AfterAll
    void close() {
        engine.close();
    }

    /** Collects what is emitted. */
    private static final class Emitted implements SessionHost {
        final List<CompletionEvent> completions = new ArrayList<>();
        final List<TokenDelta> deltas = new ArrayList<>();

        @Override
        public void setCurrentKey(String key) {}

        @Override
        public long currentMillis() {
            return 2_000;
        }

        @Override
        public void setTimer(long millis) {}

        @Override
        public void deleteTimer(long millis) {}

        @Override
        public void emit(CompletionEvent completion) {
            completions.add(completion);
        }

        @Override
        public void emit(TokenDelta delta) {
            deltas.add(delta);
        }

        @Override
        public void emit(ShardMessage message) {}

        @Override
        public void emit(DeadLetter letter) {
            throw new AssertionError(letter);
        }

        Message message() {
            return completions.getFirst().getChoices().getFirst().getMessage();
        }
    }

    /** Lets the model say {@code tokens}, in a conversation that was offered a tool or was not. */
    private Emitted say(boolean tools, int... tokens) {
        Emitted emitted = new Emitted();
        TurnReporter reporter = new TurnReporter(engine, emitted, new SessionMetrics(
                UnregisteredMetricGroups.createUnregisteredOperatorMetricGroup(), () -> 0, () -> 0,
                engine.engine()::stats), false);
        LiveSession session = LiveSession.of("c:chat", null, List.of());
        if (tools) {
            session.tools.put("f", 1);
        }
        QueuedPrompt queued = new QueuedPrompt(turn("r1", "chat", "Hello.").build(), null, 1_000L);
        session.queue.add(queued);
        session.tokens.add(1);
        Turn turn = new Turn(new Turn.Parameters(SamplingParameters.GREEDY, 100, List.of(), -1, 0, null, true, true), 0,
                1);
        for (int token : tokens) {
            session.tokens.add(token);
            String text = engine.tokenizer().decode(new int[]{token});
            reporter.step(session, turn, new GenerationStep(token, text, 0, List.of(), 1, null, null, TIMING));
        }
        reporter.finish(session, turn, queued, 1, FinishReason.STOP, null);
        return emitted;
    }

    private int[] text(String text) {
        return engine.tokenizer().encode(text);
    }

    @Test
    void aCallOfAnOfferedToolIsAToolCallAndIsNeverStreamedAsText() {
        Emitted emitted = say(true, text("{\"name\": \"f\", \"parameters\": {\"a\": 1}}"));
        assertThat(finishReason(emitted.completions.getFirst())).isEqualTo("tool_calls");
        assertThat(emitted.message().getContent()).isNull();
        ToolCall call = emitted.message().getToolCalls().getFirst();
        assertThat(call.getFunction().getName()).isEqualTo("f");
        assertThat(call.getFunction().getArguments()).isEqualTo("{\"a\":1}");
        assertThat(call.getId()).isEqualTo("call-r1-0");
        assertThat(emitted.deltas).hasSize(1);
        assertThat(emitted.deltas.getFirst().getChoices().getFirst().getDelta().getContent()).isNull();
        assertThat(emitted.deltas.getFirst().getChoices().getFirst().getDelta().getToolCalls()).containsExactly(call);
    }

    @Test
    void textBeforeACallIsStreamed() {
        Emitted emitted = say(true, text("I will look it up. <function=f>{\"a\": 1}</function>"));
        assertThat(emitted.message().getContent()).isEqualTo("I will look it up.");
        assertThat(emitted.message().getToolCalls()).hasSize(1);
        assertThat(ConversationTest.said(emitted.deltas)).isEqualTo("I will look it up.");
        assertThat(emitted.deltas).hasSizeGreaterThan(2);
    }

    @Test
    void jsonThatIsNoCallComesWithTheLastDelta() {
        Emitted emitted = say(true, text("{\"answer\": 42}"));
        assertThat(finishReason(emitted.completions.getFirst())).isEqualTo("stop");
        assertThat(emitted.message().getContent()).isEqualTo("{\"answer\": 42}");
        assertThat(ConversationTest.said(emitted.deltas)).isEqualTo("{\"answer\": 42}");
    }

    @Test
    void withoutToolsJsonIsText() {
        Emitted emitted = say(false, text("{\"name\": \"f\", \"parameters\": {}}"));
        assertThat(finishReason(emitted.completions.getFirst())).isEqualTo("stop");
        assertThat(emitted.message().getToolCalls()).isEmpty();
        assertThat(emitted.deltas).hasSizeGreaterThan(2);
    }

    @Test
    void whatFollowsThePythonTagIsCode() {
        int[] code = text("print(1)");
        int[] tokens = DirectEngine.concat(new int[]{engine.tokenizer().specials().pythonTag()}, code);
        Emitted emitted = say(false, tokens);
        assertThat(finishReason(emitted.completions.getFirst())).isEqualTo("tool_calls");
        assertThat(emitted.message().getToolCalls().getFirst().getFunction().getName()).isEqualTo("code_interpreter");
        assertThat(ConversationTest.said(emitted.deltas)).isEmpty();
    }

    @Test
    void timesCountFromTheAcceptanceOfThePrompt() {
        Emitted emitted = say(false, text("one two"));
        // Submitted at time 0 of this fake, accepted at 1000 ms, first token 2 ms after the submission.
        assertThat(emitted.completions.getFirst().getTimings().getTtftMs()).isEqualTo(-998);
        assertThat(emitted.completions.getFirst().getTimings().getQueueMs()).isEqualTo(-999);
    }
}
