package io.millrace.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whole jobs, of one shard and of several, that fail, stop, are restored and rescaled in the middle of turns, and answer what an
 * undisturbed one of the whole model does.
 */
class LlamaJobTest {
    private static final int SESSIONS = 8;
    /** Tokens of the turns that are cut off: the model takes longer for them than Flink for a stop. */
    private static final int LONG = 700;

    @RegisterExtension
    static final MiniClusterExtension CLUSTER = new MiniClusterExtension(new MiniClusterResourceConfiguration.Builder()
            .setNumberTaskManagers(3).setNumberSlotsPerTaskManager(3).build());

    private static Configuration options(String backend) {
        Configuration options = new Configuration();
        options.set(MillraceOptions.MODEL, SampleModels.deep().toString());
        options.set(MillraceOptions.THREADS, 1);
        options.set(MillraceOptions.KV_MEMORY, MemorySize.ofMebiBytes(16));
        // Which of two first turns computes what they share is a matter of chance, and so are their cached tokens.
        options.set(MillraceOptions.PREFIX_CACHE, false);
        options.set(StateBackendOptions.STATE_BACKEND, backend);
        return options;
    }

    private static PromptEvent.Builder prompt(String id, String text, int tokens) {
        return PromptEvent.newBuilder().setId(id)
                .setMessages(List.of(Message.newBuilder().setRole("user").setContent(text).build())).setTemperature(0.8)
                .setMaxCompletionTokens(tokens);
    }

    private static String id(int session, int turn) {
        return "r" + session + "-" + turn;
    }

    /** One turn of every session; the even ones are long. */
    private static List<PromptEvent> turns(int turn) {
        return IntStream.range(0, SESSIONS).mapToObj(session -> prompt(id(session, turn),
                "Turn " + turn + " of " + session, turn % 2 == 0 ? LONG : 12).setConversationId("chat-" + session)
                .setTurn(turn).setStream(true).build()).toList();
    }

    private static List<String> ids(int turn) {
        return turns(turn).stream().map(PromptEvent::getId).toList();
    }

    private static JobOutput undisturbed(Configuration options, int turns) throws Exception {
        PromptFeed feed = new PromptFeed();
        JobOutput output = new JobOutput();
        try (LlamaJob _ = LlamaJob.start(options, 1, feed, output)) {
            for (int turn = 1; turn <= turns; turn++) {
                turns(turn).forEach(feed::add);
                output.await(ids(turn));
            }
        }
        return output;
    }

    private static void beginToSpeak(PromptFeed feed, JobOutput output, int turn) throws InterruptedException {
        turns(turn).forEach(feed::add);
        output.awaitThat("deltas of turn " + turn,
                each -> ids(turn).stream().noneMatch(request -> each.deltas(request).isEmpty()));
    }

    private static int restarts(JobOutput output, Collection<String> requests) {
        return requests.stream().mapToInt(request -> output.completion(request).getTimings().getRestarts()).sum();
    }

    private static void assertSame(JobOutput output, JobOutput undisturbed) {
        assertThat(output.completions()).hasSameSizeAs(undisturbed.completions());
        undisturbed.completions().forEach((request, expected) -> {
            CompletionEvent completion = output.completion(request);
            assertThat(completion.getChoices()).as(request).isEqualTo(expected.getChoices());
            assertThat(completion.getTurn()).as(request).isEqualTo(expected.getTurn());
            assertThat(completion.getUsage().getPromptTokens()).as(request)
                    .isEqualTo(expected.getUsage().getPromptTokens());
            assertThat(completion.getUsage().getPromptTokensDetails()).as("%s: cached tokens survive", request)
                    .isEqualTo(expected.getUsage().getPromptTokensDetails());
            assertThat(output.said(request)).as(request).isEqualTo(undisturbed.said(request))
                    .isEqualTo(expected.getChoices().getFirst().getMessage().getContent());
        });
    }

    // --------------------------------------------------------------------------------------- stop and rescale

    @ParameterizedTest
    @ValueSource(strings = {"1", "3"})
    void sessionsSurviveStopsInTheMiddleOfTurnsAndOtherParallelisms(String shards, @TempDir Path savepoints)
            throws Exception {
        Configuration options = options("rocksdb");
        JobOutput undisturbed = undisturbed(options, 4);
        options.set(MillraceOptions.SHARDS, shards);
        PromptFeed feed = new PromptFeed();
        JobOutput output = new JobOutput();
        String savepoint;
        try (LlamaJob job = LlamaJob.start(options, 2, feed, output)) {
            turns(1).forEach(feed::add);
            output.await(ids(1));
            beginToSpeak(feed, output, 2);
            savepoint = job.stopped(savepoints, false);
        }
        try (LlamaJob job = LlamaJob.restore(savepoint, options, 3, feed, output)) {
            output.await(ids(2));
            turns(3).forEach(feed::add);
            output.await(ids(3));
            beginToSpeak(feed, output, 4);
            savepoint = job.stopped(savepoints, false);
        }
        try (LlamaJob _ = LlamaJob.restore(savepoint, options, 1, feed, output)) {
            output.await(ids(4));
        }
        assertSame(output, undisturbed);
        assertThat(restarts(output, ids(2))).as("turns that the first stop cut off").isPositive();
        assertThat(restarts(output, ids(4))).as("turns that the second stop cut off").isPositive();
        assertThat(output.completions().values()).as("a savepoint holds all that was computed")
                .allMatch(each -> each.getUsage().getRecomputedTokens() <= each.getTimings().getRestarts());
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "0,1-2,3"})
    void aStopWithDrainAnswersAllThatIsAcceptedAndTheConversationsGoOnAfterIt(String shards,
            @TempDir Path savepoints) throws Exception {
        Configuration options = options("hashmap");
        JobOutput undisturbed = undisturbed(options, 3);
        options.set(MillraceOptions.SHARDS, shards);
        PromptFeed feed = new PromptFeed();
        JobOutput output = new JobOutput();
        String savepoint;
        try (LlamaJob job = LlamaJob.start(options, 2, feed, output)) {
            turns(1).forEach(feed::add);
            beginToSpeak(feed, output, 2);
            savepoint = job.stopped(savepoints, true);
            assertThat(output.completions().keySet()).containsAll(ids(1)).containsAll(ids(2));
            assertThat(restarts(output, ids(2))).isZero();
        }
        try (LlamaJob _ = LlamaJob.restore(savepoint, options, 1, feed, output)) {
            turns(3).forEach(feed::add);
            output.await(ids(3));
        }
        assertSame(output, undisturbed);
    }

    // ------------------------------------------------------------------------------------------------ failures

    @ParameterizedTest
    @CsvSource({"rocksdb, 1", "hashmap, 1", "rocksdb, 3", "hashmap, 2"})
    void aFailureInTheMiddleOfTurnsRepeatsOnlyWhatCameAfterTheCheckpoint(String backend, String shards,
            @TempDir Path checkpoints) throws Exception {
        Configuration options = options(backend);
        JobOutput undisturbed = undisturbed(options, 2);
        options.set(MillraceOptions.SHARDS, shards);
        options.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(20));
        options.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, checkpoints.toUri().toString());
        options.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
        options.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        options.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 1);
        options.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ZERO);
        PromptFeed feed = new PromptFeed();
        JobOutput output = new JobOutput();
        AtomicBoolean failed = new AtomicBoolean();
        AtomicInteger spoken = new AtomicInteger();
        AtomicInteger checkpointed = new AtomicInteger();
        output.gate(delta -> {
            if (failed.get() || !delta.getRequestId().endsWith("-2")) {
                return;
            }
            if (spoken.incrementAndGet() == 5 * SESSIONS) {
                checkpointed.set(output.checkpoints());
            }
            // Each subtask counts, and a checkpoint that had begun before these words may be complete just then.
            if (spoken.get() > 5 * SESSIONS && output.checkpoints() >= checkpointed.get() + 4
                    && failed.compareAndSet(false, true)) {
                throw new IllegalStateException("the failure that the test wants");
            }
            // Holds the answers back, or they could all be given before the checkpoints are complete.
            Thread.sleep(2);
        });
        try (LlamaJob _ = LlamaJob.start(options, 2, feed, output)) {
            turns(1).forEach(feed::add);
            output.await(ids(1));
            turns(2).forEach(feed::add);
            output.await(ids(2));
        }
        assertThat(failed).isTrue();
        assertSame(output, undisturbed);
        assertThat(restarts(output, ids(2))).as("turns that were cut off").isPositive();
        assertThat(output.completions().values()).as("no more than a block that was not full")
                .allMatch(each -> each.getUsage().getRecomputedTokens() <= 15 * each.getTimings().getRestarts());
        assertThat(output.completions().values()).allMatch(each -> each.getTimings().getRestarts() <= 1);
    }

    // ------------------------------------------------------------------------------------------------- shards

    @Test
    void sessionsGoOnWithOtherShards(@TempDir Path savepoints) throws Exception {
        Configuration options = options("hashmap");
        JobOutput undisturbed = undisturbed(options, 3);
        PromptFeed feed = new PromptFeed();
        JobOutput output = new JobOutput();
        String savepoint = null;
        for (String shards : List.of("3", "0,1-3", "1")) {
            int turn = List.of("3", "0,1-3", "1").indexOf(shards) + 1;
            options.set(MillraceOptions.SHARDS, shards);
            try (LlamaJob job = savepoint == null
                    ? LlamaJob.start(options, 2, feed, output)
                    : LlamaJob.restore(savepoint, options, 2, feed, output)) {
                turns(turn).forEach(feed::add);
                output.await(ids(turn));
                savepoint = job.stopped(savepoints, false);
            }
        }
        undisturbed.completions().forEach((request, expected) -> assertThat(output.completion(request).getChoices())
                .as(request).isEqualTo(expected.getChoices()));
        assertThat(ids(2)).allMatch(
                request -> output.completion(request).getUsage().getPromptTokensDetails().getCachedTokens() == 0,
                "the layers of a shard are of no use to another");
    }

    // ------------------------------------------------------------------------------------------------ batches

    private static Map<String, String> answers(int shards, int parallelism, List<PromptEvent> prompts,
            boolean together) throws Exception {
        Configuration options = options("hashmap");
        options.set(MillraceOptions.SHARDS, Integer.toString(shards));
        options.set(MillraceOptions.PREFIX_CACHE, true);
        PromptFeed feed = new PromptFeed();
        JobOutput output = new JobOutput();
        try (LlamaJob _ = LlamaJob.start(options, parallelism, feed, output)) {
            for (PromptEvent prompt : prompts) {
                feed.add(prompt);
                if (!together) {
                    output.await(prompt.getId());
                }
            }
            output.await(prompts.stream().map(PromptEvent::getId).toList());
        }
        Map<String, String> answers = new HashMap<>();
        output.completions().forEach((request, completion) -> answers.put(request,
                completion.getChoices().toString()));
        return answers;
    }

    @Test
    void anAnswerDependsNeitherOnTheBatchNorOnTheOrderNorOnTheParallelismNorOnTheShards() throws Exception {
        List<PromptEvent> prompts = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            prompts.add(prompt("r" + i, "Tell me of the mill" + ", and of the river".repeat(i % 7), 8 + i % 9)
                    .setSeed((long) i).setLogprobs(true).build());
        }
        Map<String, String> alone = answers(1, 1, prompts, false);
        assertThat(alone).hasSize(50);
        assertThat(answers(1, 1, prompts, true)).isEqualTo(alone);
        for (int order = 0; order < 3; order++) {
            Collections.shuffle(prompts, new Random(order));
            assertThat(answers(1 + order, order == 0 ? 4 : 2, prompts, true)).isEqualTo(alone);
        }
    }
}
