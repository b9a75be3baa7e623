package io.millrace.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import io.millrace.schemas.TokenDelta;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.formats.avro.typeutils.AvroTypeInfo;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.util.CloseableIterator;
import org.apache.flink.util.CollectionUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Whole jobs on a cluster with two slots, which share an engine. */
class LlamaTest {
    @RegisterExtension
    static final MiniClusterExtension CLUSTER = new MiniClusterExtension(new MiniClusterResourceConfiguration.Builder()
            .setNumberTaskManagers(1).setNumberSlotsPerTaskManager(2).build());

    private static PromptEvent.Builder prompt(String id, String conversation, String text) {
        return PromptEvent.newBuilder().setId(id).setConversationId(conversation)
                .setMessages(List.of(Message.newBuilder().setRole("user").setContent(text).build()))
                .setMaxCompletionTokens(8);
    }

    private static DataStream<PromptEvent> source(StreamExecutionEnvironment env, List<PromptEvent> prompts) {
        return env.fromData(prompts, new AvroTypeInfo<>(PromptEvent.class)).setParallelism(1);
    }

    private static Llama tiny(DataStream<PromptEvent> prompts) {
        return Llama.on(prompts).model(SampleModels.tiny().toString()).option(MillraceOptions.THREADS, 1)
                .option(MillraceOptions.KV_MEMORY, MemorySize.ofMebiBytes(4));
    }

    @Test
    void conversationsOfABoundedStreamAreAnsweredInAFewLines() throws Exception {
        List<PromptEvent> prompts = new ArrayList<>();
        for (int turn = 1; turn <= 3; turn++) {
            for (int conversation = 0; conversation < 6; conversation++) {
                prompts.add(prompt("r" + conversation + "-" + turn, "chat-" + conversation, "Message " + turn).build());
            }
        }
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(2);
        List<CompletionEvent> completions = CollectionUtil
                .iteratorToList(tiny(source(env, prompts)).build().completions().executeAndCollect());
        assertThat(completions).hasSize(18);
        Map<String, List<CompletionEvent>> conversations = completions.stream()
                .collect(Collectors.groupingBy(CompletionEvent::getConversationId));
        assertThat(conversations).hasSize(6).allSatisfy((conversation, turns) -> {
            assertThat(turns).extracting(CompletionEvent::getTurn).containsExactly(1, 2, 3);
            for (int i = 1; i < 3; i++) {
                assertThat(turns.get(i).getUsage().getPromptTokensDetails().getCachedTokens())
                        .isEqualTo(turns.get(i - 1).getUsage().getTotalTokens() - 1);
            }
        });
    }

    @Test
    void deltasDeadLettersAndControlsHaveStreamsOfTheirOwn() throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        DataStream<SessionControl> controls = env.fromData(List.of(new SessionControl("reboot", "chat", null)),
                new AvroTypeInfo<>(SessionControl.class));
        LlamaStreams answers = tiny(source(env, List.of(prompt("r1", "chat", "Hello.").setStream(true).build(),
                prompt("r2", "chat", "Hello.").setTemperature(Double.NaN).build()))).controls(controls).name("my llama")
                .uid("my-llama").parallelism(2).build();
        CloseableIterator<CompletionEvent> completions = answers.completions().collectAsync();
        CloseableIterator<TokenDelta> deltas = answers.deltas().collectAsync();
        CloseableIterator<DeadLetter> deadLetters = answers.deadLetters().collectAsync();
        env.execute();

        List<CompletionEvent> answered = CollectionUtil.iteratorToList(completions);
        assertThat(answered).extracting(CompletionEvent::getRequestId).containsExactlyInAnyOrder("r1", "r2");
        assertThat(said(CollectionUtil.iteratorToList(deltas))).isEqualTo(text(answered.stream()
                .filter(each -> each.getRequestId().equals("r1")).findFirst().orElseThrow()));
        assertThat(CollectionUtil.iteratorToList(deadLetters)).extracting(DeadLetter::getReasonCode)
                .containsExactlyInAnyOrder("invalid_control", "invalid_request");
    }

    private static String said(List<TokenDelta> deltas) {
        return deltas.stream().map(delta -> delta.getChoices().getFirst().getDelta().getContent())
                .map(content -> content == null ? "" : content).collect(Collectors.joining());
    }

    private static String text(CompletionEvent completion) {
        return completion.getChoices().getFirst().getMessage().getContent();
    }

    /** Fails the job once, at the first delta after a checkpoint, so in the middle of turns. */
    private static final class FailOnce extends RichMapFunction<TokenDelta, TokenDelta> implements CheckpointListener {
        private static final long serialVersionUID = 1L;
        static final AtomicBoolean FAILED = new AtomicBoolean();
        private boolean checkpointed;

        @Override
        public TokenDelta map(TokenDelta delta) throws InterruptedException {
            if (checkpointed && FAILED.compareAndSet(false, true)) {
                throw new IllegalStateException("the failure that the test wants");
            }
            if (!FAILED.get()) {
                // Holds the answers back, or they could all be given before the first checkpoint is complete.
                Thread.sleep(5);
            }
            return delta;
        }

        @Override
        public void notifyCheckpointComplete(long checkpointId) {
            checkpointed = true;
        }
    }

    /** Four conversations of two turns. */
    private static PromptEvent story(int i) {
        return prompt("r" + i, "chat-" + i % 4, "Tell me a long story.").setMaxCompletionTokens(400).setStream(true)
                .build();
    }

    private static Map<String, String> stories(Path checkpoints, boolean failing) throws Exception {
        Configuration config = new Configuration();
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(20));
        config.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, checkpoints.toUri().toString());
        config.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 1);
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ZERO);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(config);
        env.setParallelism(2);
        // Slow enough that checkpoints are taken before the input ends; one subtask, so that turns keep their order.
        DataGeneratorSource<PromptEvent> source = new DataGeneratorSource<>(i -> story(i.intValue()), 8,
                RateLimiterStrategy.perSecond(8), new AvroTypeInfo<>(PromptEvent.class));
        LlamaStreams answers = tiny(
                env.fromSource(source, WatermarkStrategy.noWatermarks(), "stories").setParallelism(1))
                .build();
        FailOnce.FAILED.set(!failing);
        CloseableIterator<TokenDelta> deltas = answers.deltas().map(new FailOnce()).collectAsync();
        CloseableIterator<CompletionEvent> completions = answers.completions().collectAsync();
        env.execute();
        assertThat(FailOnce.FAILED).as("the job has failed").isTrue();
        assertThat(CollectionUtil.iteratorToList(deltas)).isNotEmpty();
        Map<String, String> texts = new HashMap<>();
        completions.forEachRemaining(each -> assertThat(texts.put(each.getRequestId(), text(each)))
                .as("one completion of " + each.getRequestId()).isNull());
        return texts;
    }

    @Test
    void aFailureInTheMiddleOfTurnsCannotBeSeenInTheAnswers(@TempDir Path checkpoints) throws Exception {
        Map<String, String> undisturbed = stories(checkpoints, false);
        assertThat(undisturbed).hasSize(8);
        assertThat(stories(checkpoints, true)).isEqualTo(undisturbed);
    }

    @Test
    void aMissingModelIsSaidWhenTheJobIsBuilt() {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        assertThatThrownBy(() -> Llama.on(source(env, List.of(prompt("r1", "chat", "Hello.").build()))).build())
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("millrace.model: missing");
    }

    @Test
    void aModelThatIsNotThereFailsTheJobByItsName() {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        LlamaStreams answers = tiny(source(env, List.of(prompt("r1", "chat", "Hello.").build())))
                .model("/nowhere/llama.gguf").build();
        assertThatThrownBy(() -> CollectionUtil.iteratorToList(answers.completions().executeAndCollect()))
                .hasStackTraceContaining("/nowhere/llama.gguf");
    }
}
