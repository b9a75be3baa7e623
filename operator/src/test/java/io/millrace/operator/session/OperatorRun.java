package io.millrace.operator.session;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operator.LlamaStreams;
import io.millrace.operator.MillraceOptions;
import io.millrace.operator.OperatorSettings;
import io.millrace.operator.SampleModels;
import io.millrace.operator.SessionInputs;
import io.millrace.operator.state.SessionStore;
import io.millrace.runtime.engine.EngineStats;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.TokenLogprob;
import io.millrace.schemas.Usage;
import io.millrace.schemas.state.SessionInput;
import io.millrace.schemas.state.SessionRecord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.formats.avro.typeutils.AvroSerializer;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.SavepointType;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.streaming.runtime.tasks.mailbox.Mail;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.util.OutputTag;
import org.jspecify.annotations.Nullable;

/**
 * One subtask of the operator with a real engine, whose mailbox the test runs: nothing is committed or emitted but in the
 * methods of this class.
 */
final class OperatorRun implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private final KeyedOneInputStreamOperatorTestHarness<String, SessionInput, CompletionEvent> harness;
    private final EngineLease lease;
    private long checkpoints;

    private OperatorRun(Configuration options, int reportsPerMail, int maxParallelism, int parallelism, int subtask,
            @Nullable StateBackend backend, @Nullable OperatorSubtaskState state, long now) throws Exception {
        harness = new KeyedOneInputStreamOperatorTestHarness<>(
                new SessionOperatorFactory(OperatorSettings.of(options), "llama", reportsPerMail), SessionInputs::key,
                Types.STRING, maxParallelism, parallelism, subtask);
        if (backend != null) {
            harness.setStateBackend(backend);
        }
        harness.setup(new AvroSerializer<>(CompletionEvent.class));
        harness.setProcessingTime(now);
        if (state != null) {
            harness.initializeState(state);
        }
        lease = EngineLease.acquire(harness.getEnvironment().getSharedResources(), OperatorSettings.of(options));
        try {
            harness.open();
        } catch (Exception e) {
            close();
            throw e;
        }
    }

    /** Options for the tiny model, one compute thread and a small arena. */
    static Configuration options() {
        Configuration options = new Configuration();
        options.set(MillraceOptions.MODEL, SampleModels.tiny().toString());
        options.set(MillraceOptions.THREADS, 1);
        options.set(MillraceOptions.KV_MEMORY, MemorySize.ofMebiBytes(4));
        return options;
    }

    static OperatorRun start(Configuration options) throws Exception {
        return new OperatorRun(options, EngineInbox.REPORTS_PER_MAIL, 8, 1, 0, null, null, 1_000);
    }

    static OperatorRun start(Configuration options, @Nullable StateBackend backend) throws Exception {
        return new OperatorRun(options, EngineInbox.REPORTS_PER_MAIL, 8, 1, 0, backend, null, 1_000);
    }

    static OperatorRun restore(Configuration options, @Nullable StateBackend backend, OperatorSubtaskState state)
            throws Exception {
        return new OperatorRun(options, EngineInbox.REPORTS_PER_MAIL, 8, 1, 0, backend, state, 2_000);
    }

    /** Each mail is one step of one turn. */
    static OperatorRun stepping(Configuration options, @Nullable OperatorSubtaskState state) throws Exception {
        return new OperatorRun(options, 1, 8, 1, 0, null, state, 3_000);
    }

    /** One of two subtasks, which gets its share of the state that one subtask wrote. */
    static OperatorRun restoreRescaled(Configuration options, OperatorSubtaskState state, int subtask)
            throws Exception {
        return new OperatorRun(options, EngineInbox.REPORTS_PER_MAIL, 8, 2, subtask, null,
                KeyedOneInputStreamOperatorTestHarness
                        .repartitionOperatorState(state, 8, 1, 2, subtask),
                2_000);
    }

    void send(PromptEvent.Builder prompt) throws Exception {
        send(SessionInputs.of(prompt.build(), null));
    }

    void send(SessionControl control) throws Exception {
        send(SessionInputs.of(control, null));
    }

    void send(SessionInput input) throws Exception {
        harness.processElement(input, 0);
    }

    /** Runs mails until so many completions are there, and returns all of them. */
    List<CompletionEvent> awaitCompletions(int count) throws Exception {
        await(() -> completions().size() >= count);
        return completions();
    }

    /** Sends a prompt, runs mails until its completion is there, and returns it. */
    CompletionEvent ask(PromptEvent.Builder prompt) throws Exception {
        send(prompt);
        await(() -> completions().stream().anyMatch(each -> each.getRequestId().equals(prompt.getId())));
        return completion(prompt.getId());
    }

    /** Runs mails until the condition holds. */
    void await(BooleanSupplier condition) throws Exception {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (!runMail()) {
                if (System.nanoTime() > end) {
                    throw new AssertionError("nothing came in " + PATIENCE + "; completions: " + completions());
                }
                Thread.sleep(1);
            }
        }
    }

    /** Runs one mail, if there is one: at most as many steps as the inbox reads in a mail. */
    boolean runMail() throws Exception {
        Optional<Mail> mail = harness.getTaskMailbox().tryTake(0);
        if (mail.isEmpty()) {
            return false;
        }
        mail.get().run();
        return true;
    }

    /** Takes a checkpoint; what the engine reported and no mail has brought is not in it. */
    OperatorSubtaskState checkpoint() throws Exception {
        return harness.snapshot(++checkpoints, 0);
    }

    /** Takes the savepoint of a stop without drain. */
    OperatorSubtaskState suspend() throws Exception {
        return harness.snapshotWithLocalState(++checkpoints, 0, SavepointType.suspend(SavepointFormatType.CANONICAL))
                .getJobManagerOwnedState();
    }

    void abortCheckpoint() throws Exception {
        harness.getOperator().notifyCheckpointAborted(checkpoints);
    }

    /** Makes the engine's death known, as the engine would. */
    void failEngine(Throwable cause) {
        ((SessionOperator) harness.getOperator()).inbox().put(new EngineInbox.Report.Failure(cause));
    }

    void endInput() throws Exception {
        harness.endInput();
    }

    void setTime(long millis) throws Exception {
        harness.setProcessingTime(millis);
    }

    int timers() {
        return harness.numProcessingTimeTimers();
    }

    /** Positions that this run's engine computed, once it has come to rest. */
    long computedPositions() throws Exception {
        await(() -> stats().running() == 0 && stats().waiting() == 0);
        return stats().computedTokens();
    }

    /** Waits, without running a mail, until the engine has computed more than {@code positions} and come to rest. */
    void awaitEngine(long positions) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (stats().computedTokens() <= positions || stats().running() > 0 || stats().waiting() > 0) {
            assertThat(System.nanoTime()).as("the engine computes").isLessThan(end);
            Thread.sleep(1);
        }
    }

    private EngineStats stats() {
        return lease.engine().engine().stats();
    }

    /** The session as state holds it, which is older than the live one but after a checkpoint. */
    SessionRecord record(String key) throws Exception {
        harness.getOperator().setCurrentKey(key);
        return Objects.requireNonNull(new SessionStore(harness.getOperator().getKeyedStateStore()).session());
    }

    /** Positions of a session that state holds. */
    int savedPositions(String key) throws Exception {
        harness.getOperator().setCurrentKey(key);
        SessionRecord record = new SessionStore(harness.getOperator().getKeyedStateStore()).session();
        return record == null ? 0 : record.getSavedPositions();
    }

    /** Replaces the session in state; a live one does not hear of it. */
    void putRecord(String key, SessionRecord record) throws Exception {
        harness.getOperator().setCurrentKey(key);
        new SessionStore(harness.getOperator().getKeyedStateStore()).putSession(record);
    }

    /** Keys that have any state. */
    int stateEntries() {
        return harness.numKeyedStateEntries();
    }

    List<CompletionEvent> completions() {
        return harness.extractOutputValues();
    }

    CompletionEvent completion(String requestId) {
        List<CompletionEvent> found = completions().stream().filter(each -> each.getRequestId().equals(requestId))
                .toList();
        if (found.size() != 1) {
            throw new AssertionError(found.size() + " completions of " + requestId + " in " + completions());
        }
        return found.getFirst();
    }

    List<TokenDelta> deltas(String requestId) {
        return side(LlamaStreams.DELTAS).stream().filter(each -> each.getRequestId().equals(requestId)).toList();
    }

    List<DeadLetter> deadLetters() {
        return side(LlamaStreams.DEAD_LETTERS);
    }

    private <T> List<T> side(OutputTag<T> tag) {
        List<T> values = new ArrayList<>();
        var records = harness.getSideOutput(tag);
        if (records != null) {
            records.forEach(each -> values.add(each.getValue()));
        }
        return values;
    }

    /** The token ids of an answer, of a request that asked for log probabilities. */
    static int[] tokens(CompletionEvent completion) {
        return completion.getChoices().getFirst().getLogprobs().getContent().stream().mapToInt(TokenLogprob::getTokenId)
                .toArray();
    }

    static String text(CompletionEvent completion) {
        return completion.getChoices().getFirst().getMessage().getContent();
    }

    static String finishReason(CompletionEvent completion) {
        return completion.getChoices().getFirst().getFinishReason();
    }

    /** What a turn took, were it not for restarts. */
    static Usage usage(CompletionEvent completion) {
        return Usage.newBuilder(completion.getUsage()).setRecomputedTokens(0).build();
    }

    static int cached(CompletionEvent completion) {
        return completion.getUsage().getPromptTokensDetails().getCachedTokens();
    }

    @Override
    public void close() {
        try {
            harness.close();
            lease.release();
        } catch (Exception e) {
            throw new AssertionError("the operator did not close", e);
        }
    }
}
