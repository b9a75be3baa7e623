package io.millrace.operator.session;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operator.Llama;
import io.millrace.operator.LlamaStreams;
import io.millrace.operator.MillraceOptions;
import io.millrace.operator.SampleModels;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.formats.avro.typeutils.AvroTypeInfo;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Jobs that have far more to answer than they accept. */
class SavepointUnderLoadTest {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int MAX_ACCEPTED = 4;
    /** These fill the operator and keep it busy; the others wait behind them in the network's buffers. */
    private static final int LONG = MAX_ACCEPTED;
    private static final int PROMPTS = LONG + 60;

    @RegisterExtension
    static final MiniClusterExtension CLUSTER = new MiniClusterExtension(new MiniClusterResourceConfiguration.Builder()
            .setNumberTaskManagers(1).setNumberSlotsPerTaskManager(2).build());

    /** Of all runs of a test; in this JVM, as the cluster is. */
    private static final Queue<CompletionEvent> ANSWERS = new ConcurrentLinkedQueue<>();
    private static final AtomicLong SENT = new AtomicLong();
    /** Deltas of the long turns. */
    private static final AtomicLong SPOKEN = new AtomicLong();
    /** How many answers there were at each completed checkpoint after the last prompt was sent. */
    private static final Queue<Integer> ANSWERS_AT_CHECKPOINTS = new ConcurrentLinkedQueue<>();

    @BeforeEach
    void forget() {
        ANSWERS.clear();
        ANSWERS_AT_CHECKPOINTS.clear();
        SENT.set(0);
        SPOKEN.set(0);
    }

    /** Records what comes out. */
    private static final class AnswerCount extends RichMapFunction<CompletionEvent, CompletionEvent>
            implements
                CheckpointListener {
        private static final long serialVersionUID = 1L;

        @Override
        public CompletionEvent map(CompletionEvent answer) {
            ANSWERS.add(answer);
            return answer;
        }

        @Override
        public void notifyCheckpointComplete(long checkpointId) {
            if (SENT.get() >= PROMPTS) {
                ANSWERS_AT_CHECKPOINTS.add(ANSWERS.size());
            }
        }
    }

    private static List<Integer> stopTokens() {
        try (DirectEngine direct = new DirectEngine(OperatorRun.options())) {
            return direct.stopTokens();
        }
    }

    private static GeneratorFunction<Long, PromptEvent> prompts(List<Integer> stopTokens) {
        return i -> {
            SENT.incrementAndGet();
            return Prompts.longTurn("r" + i, null, "Tell me about number " + i + ".", i < LONG ? 600 : 2, stopTokens)
                    .setLogprobs(false).setStream(i < LONG).build();
        };
    }

    private static DataStream<PromptEvent> source(StreamExecutionEnvironment env, String name,
            DataGeneratorSource<PromptEvent> source) {
        return env.fromSource(source, WatermarkStrategy.noWatermarks(), name).uid(name).setParallelism(1);
    }

    private static JobClient start(Path directory, Configuration options, String resume)
            throws Exception {
        Configuration config = new Configuration(options);
        config.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, directory.toUri().toString());
        if (!resume.isEmpty()) {
            config.set(StateRecoveryOptions.SAVEPOINT_PATH, resume);
        }
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(config);
        env.setParallelism(1);
        DataStream<PromptEvent> prompts = source(env, "prompts", new DataGeneratorSource<>(prompts(stopTokens()),
                PROMPTS, new AvroTypeInfo<>(PromptEvent.class)));
        // Keeps the job from ending.
        DataStream<PromptEvent> silence = source(env, "silence", new DataGeneratorSource<>(prompts(List.of()),
                Long.MAX_VALUE, RateLimiterStrategy.perSecond(1e-3), new AvroTypeInfo<>(PromptEvent.class)))
                .filter(_ -> false);
        LlamaStreams answers = Llama.on(prompts.union(silence)).options(OperatorRun.options()).options(options)
                .model(slow(directory)).option(MillraceOptions.KV_MEMORY, MemorySize.ofMebiBytes(16))
                .option(MillraceOptions.MAX_ACCEPTED_PROMPTS, MAX_ACCEPTED).build();
        answers.deltas().map(_ -> SPOKEN.incrementAndGet()).returns(Types.LONG).sinkTo(new DiscardingSink<>());
        answers.completions().map(new AnswerCount()).returns(new AvroTypeInfo<>(CompletionEvent.class))
                .sinkTo(new DiscardingSink<>());
        return env.executeAsync();
    }

    /** A model that needs about a second for the long turns. */
    private static String slow(Path directory) throws IOException {
        Path model = directory.resolve("slow.gguf");
        SampleModel.write(model, SampleModel.Options.defaults().withGeometry(4, 256, 512, 8, 4, 32)
                .withContextLength(SampleModels.CONTEXT).withType(TensorType.F32));
        return model.toString();
    }

    private static Configuration every(Duration interval) {
        return new Configuration().set(CheckpointingOptions.CHECKPOINTING_INTERVAL, interval);
    }

    private static void end(JobClient job) throws Exception {
        job.cancel().get();
        await("the end of the job", () -> job.getJobStatus().join().isGloballyTerminalState());
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as(what).isLessThan(end);
            Thread.sleep(5);
        }
    }

    private static Map<String, String> answers() {
        Map<String, String> texts = new HashMap<>();
        ANSWERS.forEach(answer -> assertThat(texts.put(answer.getRequestId(), OperatorRun.text(answer)))
                .as("one completion of " + answer.getRequestId()).isNull());
        return texts;
    }

    @Test
    void aSavepointDoesNotWaitForThePromptsInFrontOfItToBeAnswered(@TempDir Path directory) throws Exception {
        JobClient job = start(directory, every(Duration.ofDays(1)), "");
        await("the model at work", () -> SENT.get() >= PROMPTS && SPOKEN.get() > 0);
        int before = ANSWERS.size();
        String savepoint = job.stopWithSavepoint(false, directory.toUri().toString(), SavepointFormatType.CANONICAL)
                .get();
        assertThat(ANSWERS.size() - before).as("answers that the savepoint waited for").isLessThanOrEqualTo(LONG);
        job.getJobExecutionResult().get();
        int stopped = ANSWERS.size();
        assertThat(stopped).isLessThan(PROMPTS);

        JobClient restored = start(directory, every(Duration.ofDays(1)), savepoint);
        await("all prompts answered", () -> ANSWERS.size() >= PROMPTS);
        end(restored);
        Set<String> requests = new HashSet<>();
        for (int i = 0; i < PROMPTS; i++) {
            requests.add("r" + i);
        }
        assertThat(answers().keySet()).isEqualTo(requests);
    }

    @Test
    void unalignedCheckpointsCompleteWhileNothingIsAnswered(@TempDir Path directory) throws Exception {
        JobClient job = start(directory,
                every(Duration.ofMillis(20)).set(CheckpointingOptions.ENABLE_UNALIGNED, true)
                        .set(CheckpointingOptions.ALIGNED_CHECKPOINT_TIMEOUT, Duration.ZERO),
                "");
        await("checkpoints of the full job", () -> ANSWERS_AT_CHECKPOINTS.size() >= 3);
        end(job);
        assertThat(ANSWERS_AT_CHECKPOINTS).startsWith(0, 0, 0);
    }
}
